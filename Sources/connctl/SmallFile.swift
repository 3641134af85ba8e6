import Glibc

/// Why a file could not be used. The reason is a clause.
struct FileProblem: Error {
    var reason: String
    /// The file exists and must not be overwritten.
    var isThere = false
}

/// Reads small files.
enum SmallFile {
    static let largest = 4 << 20

    static func read(_ path: String) throws(FileProblem) -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    static func bytes(_ path: String) throws(FileProblem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        return try bytes(descriptor)
    }

    static func bytes(_ descriptor: Int32) throws(FileProblem) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
            if count == 0 { return result }
            result += buffer[..<count]
            guard result.count <= largest else {
                throw FileProblem(reason: "it is larger than \(Formatting.size(largest))")
            }
        }
    }
}
