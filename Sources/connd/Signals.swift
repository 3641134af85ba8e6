import Dispatch

#if canImport(Glibc)
    import Glibc
#endif

/// The signals that connd handles. They are blocked at the start of `main`, before there is a second thread, and then
/// waited for: an early one stays pending in the kernel, and is neither lost nor fatal. Shared.
enum Signals {
    static let handled: [CInt] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2]

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled { sigaddset(&set, number) }
        return set
    }

    static func block() {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Calls `action` with each signal, on a separate thread, until the process ends.
    static func watch(_ action: @escaping @Sendable (CInt) -> Void) {
        DispatchQueue(label: "connd.signals").async {
            var set = set
            var number: CInt = 0
            while true {
                if sigwait(&set, &number) == 0 { action(number) }
            }
        }
    }
}
