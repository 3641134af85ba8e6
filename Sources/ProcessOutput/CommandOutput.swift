import Glibc
import Synchronization

/// Writes the output of a command to a descriptor. After a write has failed it writes nothing more; the caller
/// checks `end` before it exits. Shared.
package final class CommandOutput: Sendable {
    /// Why nothing more can be written.
    package enum End: Hashable, Sendable {
        /// The reader has closed the pipe, which is not a failure.
        case readerGone
        case failed(errorNumber: CInt)
    }

    private let descriptor: CInt
    private let state = Mutex<End?>(nil)

    package init(_ descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// Nil while every write succeeded.
    package var end: End? { state.withLock { $0 } }

    package func write(_ text: String) {
        state.withLock { end in
            guard end == nil else { return }
            var text = text
            end = text.withUTF8 { Self.write(UnsafeRawBufferPointer($0), to: descriptor) }
        }
    }

    /// Blocks as long as the reader does.
    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> End? {
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
            if count > 0 {
                sent += count
                continue
            }
            switch count < 0 ? errno : ENOSPC {
            case EINTR: continue
            case EAGAIN:
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, -1)
            case EPIPE: return .readerGone
            case let number: return .failed(errorNumber: number)
            }
        }
        return nil
    }
}

extension CommandOutput.End {
    /// The system's description of the error; nil for `readerGone`.
    package var failure: String? {
        guard case .failed(let number) = self else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let start = buffer.baseAddress, strerror_r(number, start, buffer.count) == 0 else {
                return "error \(number)"
            }
            return String(cString: start)
        }
    }
}
