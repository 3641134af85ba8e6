import Glibc

func systemErrorText(_ number: CInt) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        guard let start = buffer.baseAddress, strerror_r(number, start, buffer.count) == 0 else {
            return "error \(number)"
        }
        return String(cString: start)
    }
}

/// Repeats what a signal has interrupted; throws errno.
@discardableResult
func call(_ work: () -> CInt) throws(SystemFailure) -> CInt {
    while true {
        let result = work()
        if result >= 0 { return result }
        guard errno == EINTR else { throw SystemFailure(number: errno) }
    }
}

struct SystemFailure: Error {
    let number: CInt
}

/// A file that is closed when it is no longer used.
struct OpenFile: ~Copyable {
    let descriptor: CInt

    /// `directory` may be AT_FDCWD. Follows no link, and waits for no writer of a FIFO.
    init(_ path: String, in directory: CInt, _ flags: CInt, mode: mode_t = 0o600) throws(SystemFailure) {
        descriptor = try call { openat(directory, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode) }
    }

    deinit {
        close(descriptor)
    }

    func status() throws(SystemFailure) -> stat {
        var status = stat()
        try call { fstat(descriptor, &status) }
        return status
    }

    func write(_ bytes: [UInt8]) throws(SystemFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { throw SystemFailure(number: errno) }
            rest = rest.dropFirst(max(count, 0))
        }
    }

    /// Up to `most` bytes.
    func read(_ most: Int) throws(SystemFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while bytes.count < most {
            let count = Glibc.read(descriptor, &room, min(room.count, most - bytes.count))
            if count < 0, errno != EINTR { throw SystemFailure(number: errno) }
            if count == 0 { break }
            bytes += room.prefix(max(count, 0))
        }
        return bytes
    }

    func sync() throws(SystemFailure) { try call { fsync(descriptor) } }
}
