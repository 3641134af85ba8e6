import Glibc
import Testing

/// A pipe, or a FIFO, with both ends in the test. Closed when let go of.
final class Pipe {
    private(set) var readEnd: CInt
    let writeEnd: CInt

    init() throws {
        // A write to a pipe without a reader is seen by its error.
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        closeReadEnd()
        close(writeEnd)
    }

    func closeReadEnd() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    /// Lets it take nothing more. The descriptor blocks again afterwards.
    func fill() {
        let flags = fcntl(writeEnd, F_GETFL)
        _ = fcntl(writeEnd, F_SETFL, flags | O_NONBLOCK)
        let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        for size in [4096, 1] { while write(writeEnd, bytes, size) > 0 {} }
        _ = fcntl(writeEnd, F_SETFL, flags)
    }

    /// Reads until `isLast` holds for a line; without those that are empty.
    func lines(through isLast: (String) -> Bool) -> [String] {
        var (lines, rest) = ([String](), [UInt8]())
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(readEnd, &buffer, buffer.count)
            guard count > 0 else { return lines }
            for byte in buffer[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    rest.append(byte)
                    continue
                }
                guard !rest.isEmpty else { continue }
                lines.append(String(decoding: rest, as: UTF8.self))
                rest = []
                if let last = lines.last, isLast(last) { return lines }
            }
        }
    }
}
