import Glibc
import Synchronization

/// Creates descriptors that no child process inherits: an inherited socket would stay open after its owner closed it.
/// Starting a child takes the same lock, so that none starts before a new descriptor is marked close-on-exec. Shared.
enum Inheritance {
    private static let lock = Mutex(())

    static func held<Result>(_ body: () throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body() }
    }

    static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        let result = held {
            let result = Glibc.pipe(&ends)
            if result == 0 { for end in ends { mark(end) } }
            return result
        }
        guard result == 0 else { throw StreamSocket.failure("pipe") }
        return (ends[0], ends[1])
    }

    /// Waits for a connection; nil when the listener has been shut down.
    static func accept(_ listener: Int32) -> Int32? {
        while true {
            var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, -1) < 0, errno != EINTR { return nil }
            if Int32(entry.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0 { return nil }
            guard Int32(entry.revents) & POLLIN != 0 else { continue }
            let accepted = held {
                let accepted = Glibc.accept(listener, nil, nil)
                if accepted >= 0 { mark(accepted) }
                return accepted
            }
            if accepted >= 0 { return accepted }
        }
    }

    private static func mark(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
}
