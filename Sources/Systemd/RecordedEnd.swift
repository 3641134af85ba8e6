import Glibc
package import ProxyTypes

/// Passes how a run ended to the next one: ExecStopPost= records it in the state directory, the next start takes it
/// once. Value.
package struct RecordedEnd: Hashable, Sendable {
    package enum Problem: Error, Hashable, CustomStringConvertible {
        case noStateDirectory
        case notWritten(path: String, errorNumber: CInt)

        package var description: String {
            switch self {
            case .noStateDirectory: "STATE_DIRECTORY is not set: this is for ExecStopPost= of connd.service"
            case .notWritten(let path, let number): "cannot write \(path): \(systemErrorText(number))"
            }
        }
    }

    private static let fileName = "last-end"
    private static let longestFile = 256

    package let end: RunEnd
    /// EXIT_CODE and EXIT_STATUS: `killed SEGV`, `exited 1`; `-` for a missing one.
    package let detail: String

    /// Writes `$STATE_DIRECTORY/last-end` from SERVICE_RESULT, EXIT_CODE and EXIT_STATUS, whole or not at all.
    package static func record(environment: [String: String]) throws(Problem) {
        guard let directory = environment["STATE_DIRECTORY"]?.split(separator: ":").first else {
            throw .noStateDirectory
        }
        let words = [
            RunEnd(environment: environment).rawValue, word(environment["EXIT_CODE"]),
            word(environment["EXIT_STATUS"]),
        ]
        let path = "\(directory)/\(fileName)"
        let unfinished = path + ".new"
        unlink(unfinished)
        let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .notWritten(path: unfinished, errorNumber: errno) }
        let isWritten = writeAll(Array((words.joined(separator: " ") + "\n").utf8), to: descriptor)
        let failure = errno
        close(descriptor)
        guard isWritten else {
            unlink(unfinished)
            throw .notWritten(path: unfinished, errorNumber: failure)
        }
        guard rename(unfinished, path) == 0 else {
            let failure = errno
            unlink(unfinished)
            throw .notWritten(path: path, errorNumber: failure)
        }
    }

    /// Reads the file and removes it. Nil if there is none, or if `record` did not write it. A file that cannot be
    /// removed is ignored: otherwise it would be reported at every start.
    package static func take(directory: String) -> RecordedEnd? {
        let path = "\(directory)/\(fileName)"
        // O_NONBLOCK: a FIFO in its place must not block the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard unlink(path) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            return nil
        }
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: longestFile)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return nil }
        return RecordedEnd(line: bytes[..<count])
    }

    private init?(line: ArraySlice<UInt8>) {
        guard line.last == UInt8(ascii: "\n") else { return nil }
        let words = String(decoding: line.dropLast(), as: UTF8.self).split(
            separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, let end = RunEnd(rawValue: String(words[0])),
            words.dropFirst().allSatisfy({ Self.word(String($0)) == $0 })
        else { return nil }
        self.end = end
        detail = "\(words[1]) \(words[2])"
    }

    /// Text from systemd is short and plain; anything else is not from systemd.
    private static func word(_ text: String?) -> String {
        guard let text, (1...32).contains(text.utf8.count),
            text.unicodeScalars.allSatisfy({ scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "-", "+", "_": true
                default: false
                }
            })
        else { return "-" }
        return text
    }
}
