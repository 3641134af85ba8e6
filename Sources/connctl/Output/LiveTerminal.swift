import Dispatch
import Glibc

/// A terminal in use for a live screen: keys arrive immediately and without echo, and the screen is restored at the end
/// and while the process is stopped. Signals arrive as events, so that only the task that owns the terminal writes to
/// it. There is only one at a time.
///
/// ```
///            take                suspend (^Z), and on again
///   away ───────────▶ taken ◀─────────────────────────────▶ away
///                       │ restore, end(by:)
///                       ▼
///                     over
/// ```
final class LiveTerminal {
    enum Event: Sendable {
        case key(UInt8)
        /// No more input will come.
        case hungUp
        case resized
        /// ^Z was typed; the owner calls `suspend`.
        case suspended
        /// The process continues, possibly after a SIGSTOP, which no handler sees; the owner calls `take`.
        case continued
        /// The owner calls `end(by:)`.
        case ended(by: Int32)
    }

    private enum State {
        case away, taken, over
    }

    /// Switches to the alternate screen without a cursor, and back.
    private static let greeting = "\u{1B}[?1049h\u{1B}[?25l"
    private static let farewell = "\u{1B}[?25h\u{1B}[?1049l"
    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    /// The pipe that signal handlers write to. Set before the handlers are, and never changed afterwards.
    nonisolated(unsafe) private static var wakeUp: Int32 = -1
    /// Only handlers access it, and all of them write the same value.
    nonisolated(unsafe) private static var isEnding: sig_atomic_t = 0

    private var state = State.away
    private var original = termios()

    /// If started in the background, the process stops with SIGTTOU, like any program that uses the terminal.
    init(_ tell: @escaping @Sendable (Event) -> Void) throws(CommandFailure) {
        guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, &original) == 0 else {
            throw CommandFailure(
                "top needs a terminal to read keys from", next: ["connctl top | cat    prints once instead"])
        }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CommandFailure(
                "top cannot watch signals: \(String(cString: strerror(errno)))",
                next: ["connctl top | cat    prints once instead"])
        }
        // A handler never blocks: if the pipe is full, enough signals are in it.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        Self.wakeUp = ends[1]
        for number in Self.ending + [SIGTSTP, SIGCONT, SIGWINCH] { Self.watch(number) }
        take()
        let signals = ends[0]
        DispatchQueue(label: "terminal").async { Self.listen(signals, tell) }
    }

    // MARK: Taking it and giving it back

    /// Stays stopped until this process is in the foreground.
    func take() {
        guard state != .over else { return }
        var isFirst = true
        while tcgetpgrp(STDIN_FILENO) != getpgrp() {
            // An orphaned process group is not stopped, so it polls.
            if !isFirst { usleep(200_000) }
            isFirst = false
            Self.raise(SIGTTOU)
        }
        var current = termios()
        guard tcgetattr(STDIN_FILENO, &current) == 0 else { return }
        // The shell may have changed the mode in the meantime, so the mode to restore is read again.
        if current.c_lflag & tcflag_t(ICANON) != 0 { original = current }
        var raw = original
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        state = .taken
        write(Self.greeting)
    }

    private func giveBack() {
        guard state == .taken else { return }
        state = .away
        write(Self.farewell)
        tcsetattr(STDIN_FILENO, TCSANOW, &original)
    }

    func restore() {
        giveBack()
        guard state != .over else { return }
        state = .over
        for number in Self.ending + [SIGTSTP, SIGCONT, SIGWINCH] { Self.unwatch(number) }
    }

    /// Stops the process, and returns once it continues with the terminal taken over again.
    func suspend() {
        giveBack()
        Self.unwatch(SIGTSTP)
        Self.raise(SIGTSTP)
        Self.watch(SIGTSTP)
        take()
    }

    /// Ends the process by the signal's default action, so that the shell sees which signal it was.
    func end(by number: Int32) -> Never {
        restore()
        Self.raise(number)
        _exit(128 + number)
    }

    /// Redraws in place to avoid flicker.
    func draw(_ lines: [String]) {
        guard state == .taken else { return }
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J")
    }

    private func write(_ text: String) {
        CommandEnvironment.current.output.write(text)
    }

    // MARK: Signals

    /// A signal that was ignored at start, for example by nohup, stays ignored.
    private static func watch(_ number: Int32) {
        guard !isIgnored(number) else { return }
        var action = sigaction()
        action.sa_flags = SA_RESTART
        action.__sigaction_handler.sa_handler = { number in
            let code = errno
            if [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(number) {
                // A second signal arrived before the first was handled: exit at once.
                if LiveTerminal.isEnding != 0 { _exit(128 + number) }
                LiveTerminal.isEnding = 1
            }
            var byte = UInt8(truncatingIfNeeded: number)
            _ = Glibc.write(LiveTerminal.wakeUp, &byte, 1)
            errno = code
        }
        sigaction(number, &action, nil)
    }

    private static func unwatch(_ number: Int32) {
        if !isIgnored(number) { signal(number, SIG_DFL) }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0, let handler = action.__sigaction_handler.sa_handler else {
            return false
        }
        return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Delivered in this thread before it returns, because the pool's threads block signals.
    private static func raise(_ number: Int32) {
        var one = sigset_t()
        var former = sigset_t()
        sigemptyset(&one)
        sigaddset(&one, number)
        pthread_sigmask(SIG_UNBLOCK, &one, &former)
        Glibc.raise(number)
        pthread_sigmask(SIG_SETMASK, &former, nil)
    }

    // MARK: Keys

    /// Reads on a thread of its own until the end of input.
    private static func listen(_ signals: Int32, _ tell: (Event) -> Void) {
        var entries = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            guard poll(&entries, 2, -1) > 0 else {
                if errno == EINTR { continue }
                return tell(.hungUp)
            }
            var byte: UInt8 = 0
            // Signals are handled before keys: a key typed after ^Z is not for a process that is about to stop.
            if entries[1].revents != 0, read(signals, &byte, 1) == 1 {
                tell(event(Int32(byte)))
            } else if entries[0].revents != 0 {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 1 { tell(.key(byte)) } else if count == 0 || errno != EINTR { return tell(.hungUp) }
            }
        }
    }

    private static func event(_ number: Int32) -> Event {
        switch number {
        case SIGTSTP: .suspended
        case SIGCONT: .continued
        case SIGWINCH: .resized
        default: .ended(by: number)
        }
    }
}
