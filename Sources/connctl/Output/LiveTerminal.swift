import Glibc

/// A terminal taken over for a live screen: keys come at once and are not echoed, and what was on it comes back at the
/// end. Shared only with its signal handler; there is one at a time.
final class LiveTerminal {
    enum Key {
        case quit, sort, resized
    }

    /// Leaves the alternate screen, shows the cursor.
    private static let farewell: StaticString = "\u{1B}[?25h\u{1B}[?1049l"
    /// Written before the handlers that read it are set, and by nobody after: that is why a handler may read it.
    nonisolated(unsafe) private static var original = termios()

    private var isRestored = false

    init() throws(CommandFailure) {
        guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, &Self.original) == 0 else {
            throw CommandFailure(
                "top needs a terminal to read keys from", next: ["connctl top | cat    prints once instead"])
        }
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            signal(number) { number in
                LiveTerminal.giveBack()
                _exit(128 + number)
            }
        }
        // It has nothing to do but to wake poll.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGWINCH, &action, nil)
        var raw = Self.original
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    func restore() {
        guard !isRestored else { return }
        isRestored = true
        Self.giveBack()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH] { signal(number, SIG_DFL) }
    }

    /// Redraws in place, so that nothing flickers.
    func draw(_ lines: [String]) {
        write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\r\n" }.joined() + "\u{1B}[J")
    }

    /// Nil: none came in time. Keys that mean nothing are passed over without waiting anew.
    func key(within milliseconds: Int) -> Key? {
        var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        let start = now()
        var left = milliseconds
        while left > 0 {
            let result = poll(&entry, 1, Int32(left))
            if result < 0 { return errno == EINTR ? .resized : .quit }
            if result == 0 { return nil }
            var byte: UInt8 = 0
            guard read(STDIN_FILENO, &byte, 1) == 1 else { return .quit }
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"): return .quit
            case UInt8(ascii: "s"), UInt8(ascii: "S"): return .sort
            default: left = milliseconds - (now() - start)
            }
        }
        return nil
    }

    private func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    private func write(_ text: String) {
        DescriptorSink(descriptor: STDOUT_FILENO).write(text)
    }

    /// Only what a signal handler may call: write(2) and tcsetattr(3).
    private static func giveBack() {
        _ = Glibc.write(STDOUT_FILENO, farewell.utf8Start, farewell.utf8CodeUnitCount)
        tcsetattr(STDIN_FILENO, TCSANOW, &original)
    }
}
