import Foundation
import Glibc

/// Waits for what happens to the files of a folder, told by the kernel.
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

    /// Asks again after each event until there is a value.
    package func wait<Value>(for what: String, _ look: () throws -> Value?) throws -> Value {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let deadline = Date(timeIntervalSinceNow: Double(Patience.milliseconds) / 1000)
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
