import Dispatch
import Glibc

/// A terminal taken over for a live screen: keys come at once and are not echoed, and what was on it comes back at the end
/// and while the process is stopped. Signals come as events, so that all that is written comes from the one task that owns
/// it; there is one at a time.
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
        /// Nothing will be read from it any more.
        case hungUp
        case resized
        /// ^Z: `suspend` is to be called.
        case suspended
        /// The process continues, perhaps after a SIGSTOP, of which no handler is told: `take` is to be called.
        case continued
        /// `end(by:)` is to be called.
        case ended(by: Int32)
    }

    private enum State {
        case away, taken, over
    }

    /// The alternate screen without a cursor; and back.
    private static let greeting = "\u{1B}[?1049h\u{1B}[?25l"
    private static let farewell = "\u{1B}[?25h\u{1B}[?1049l"
    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    /// Where the handlers write a signal's number. Written before they are set, and by nobody after.
    nonisolated(unsafe) private static var wakeUp: Int32 = -1
    /// Only handlers touch it, and a second writer would write the same.
    nonisolated(unsafe) private static var isEnding: sig_atomic_t = 0

    private var state = State.away
    private var original = termios()

    /// Stops with SIGTTOU where it was started in the background, as any program does that takes the terminal.
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
        // A handler never waits: what finds no room is one of many.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        Self.wakeUp = ends[1]
        for number in Self.ending + [SIGTSTP, SIGCONT, SIGWINCH] { Self.watch(number) }
        take()
        let signals = ends[0]
        DispatchQueue(label: "terminal").async { Self.listen(signals, tell) }
    }

    // MARK: Taking it and giving it back

    /// Waits, stopped, until this process is in the foreground.
    func take() {
        guard state != .over else { return }
        var isFirst = true
        while tcgetpgrp(STDIN_FILENO) != getpgrp() {
            // A group that no shell looks after is not stopped: then this is asked now and then.
            if !isFirst { usleep(200_000) }
            isFirst = false
            Self.raise(SIGTTOU)
        }
        var current = termios()
        guard tcgetattr(STDIN_FILENO, &current) == 0 else { return }
        // The shell may have changed it meanwhile; what this process has set is not what is to come back.
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

    /// Stops, and returns when the process goes on, with the terminal taken again.
    func suspend() {
        giveBack()
        Self.unwatch(SIGTSTP)
        Self.raise(SIGTSTP)
        Self.watch(SIGTSTP)
        take()
    }

    /// By the default action of that signal, so that a shell sees which one it was.
    func end(by number: Int32) -> Never {
        restore()
        Self.raise(number)
        _exit(128 + number)
    }

    /// Redraws in place, so that nothing flickers.
    func draw(_ lines: [String]) {
        guard state == .taken else { return }
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J")
    }

    private func write(_ text: String) {
        Surroundings.current.output.write(text)
    }

    // MARK: Signals

    /// One that was ignored from the start, as by nohup, stays so.
    private static func watch(_ number: Int32) {
        guard !isIgnored(number) else { return }
        var action = sigaction()
        action.sa_flags = SA_RESTART
        action.__sigaction_handler.sa_handler = { number in
            let code = errno
            if [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(number) {
                // The first one was not handled yet: the user insists.
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

    /// In this thread, and before it returns: the pool's threads block signals.
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

    /// Until the terminal has nothing more to say. On a thread of its own.
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
            // Before the keys: one that was typed behind ^Z is not for a process that stops.
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
