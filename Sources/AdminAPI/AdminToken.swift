import Glibc
import Logging
import Synchronization

/// Why a token file cannot be used, and how to fix it.
package struct AdminTokenError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

/// The bearer token from a file. It is read again when the file changes, so rotating it needs no restart. Shared.
package final class AdminToken: Sendable {
    static let shortest = 16
    static let longest = 4096

    package let path: String
    private let state: Mutex<State>

    private struct State {
        var stamp: Stamp
        var token: [UInt8]
    }

    /// Differs once the file was rewritten or replaced.
    private struct Stamp: Equatable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    private init(path: String, state: sending State) {
        self.path = path
        self.state = Mutex(state)
    }

    /// Creates a missing file: 32 random bytes in base64url, readable only by the owner.
    package static func load(_ path: String) throws(AdminTokenError) -> AdminToken {
        if access(path, F_OK) != 0, errno == ENOENT { try create(path) }
        return AdminToken(path: path, state: try read(path))
    }

    /// Compares in constant time. Throws if the file can no longer be used.
    func matches(_ presented: String) throws(AdminTokenError) -> Bool {
        let result = state.withLock { state -> Result<[UInt8], AdminTokenError> in
            var status = stat()
            if stat(path, &status) == 0, Stamp(status) == state.stamp { return .success(state.token) }
            do throws(AdminTokenError) {
                state = try Self.read(path)
                return .success(state.token)
            } catch {
                return .failure(error)
            }
        }
        return Self.areEqual(try result.get(), Array(presented.utf8))
    }

    private static func areEqual(_ token: [UInt8], _ presented: [UInt8]) -> Bool {
        var difference = token.count ^ presented.count
        for index in token.indices {
            difference |= Int(token[index] ^ (index < presented.count ? presented[index] : 0))
        }
        return difference == 0
    }

    private static func read(_ path: String) throws(AdminTokenError) -> State {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw problem("cannot read", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refused(path, "is no file") }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw refused(path, "belongs to uid \(status.st_uid), neither connd's own nor root")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw refused(path, "can be read or written by others; run `chmod 600 \(path)`")
        }
        guard status.st_size <= longest else { throw refused(path, "is larger than \(longest) bytes") }
        var bytes = [UInt8](repeating: 0, count: longest)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw problem("cannot read", path) }
        let space: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        var token = bytes[..<count]
        while let last = token.last, space.contains(last) { token.removeLast() }
        while let first = token.first, space.contains(first) { token.removeFirst() }
        guard token.count >= shortest else {
            throw refused(path, "holds fewer than \(shortest) characters; remove it and connd makes a new one")
        }
        guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw refused(path, "must hold one line of visible ASCII characters")
        }
        return State(stamp: Stamp(status), token: Array(token))
    }

    /// Written under another name first, so that a partial file is never read; `link` never replaces an existing file.
    private static func create(_ path: String) throws(AdminTokenError) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var source = SystemRandomNumberGenerator()
        // 32 bytes are 43 characters of base64url.
        let token = (0..<43).map { _ in alphabet[Int(source.next(upperBound: UInt64(alphabet.count)))] } + [0x0A]
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max, using: &source))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw problem("cannot create", path) }
        defer { unlink(temporary) }
        let written = Glibc.write(descriptor, token, token.count)
        let isSafe = written == token.count && fsync(descriptor) == 0
        close(descriptor)
        guard isSafe else { throw problem("cannot write", path) }
        guard link(temporary, path) == 0 || errno == EEXIST else { throw problem("cannot create", path) }
    }

    private static func problem(_ what: String, _ path: String) -> AdminTokenError {
        let reason = String(cString: strerror(errno))
        return AdminTokenError(description: "\(what) the token file \(path): \(reason)")
    }

    private static func refused(_ path: String, _ reason: String) -> AdminTokenError {
        AdminTokenError(description: "the token file \(path) \(reason)")
    }
}
