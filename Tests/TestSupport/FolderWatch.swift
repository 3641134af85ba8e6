import Foundation
import Glibc

/// Waits for changes to the files of a folder, which the kernel reports (inotify).
package final class FolderWatch {
    private let descriptor: Int32

    package init(_ path: String) throws {
        descriptor = inotify_init1(Int32(O_NONBLOCK | O_CLOEXEC))
        let events = UInt32(IN_CREATE) | UInt32(IN_MODIFY) | UInt32(IN_MOVED_TO)
        guard descriptor >= 0, inotify_add_watch(descriptor, path, events) >= 0 else {
            throw TestFailure("\(path) cannot be watched")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Calls `look` after each event until it returns a value.
    package func wait<Value>(for what: String, _ look: () throws -> Value?) throws -> Value {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let deadline = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
        while true {
            if let value = try look() { return value }
            let left = deadline.timeIntervalSinceNow
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&poller, 1, Int32(left * 1000)) >= 0 else {
                throw TestFailure("waited in vain for \(what)")
            }
            _ = read(descriptor, &buffer, buffer.count)
        }
    }
}
