import Glibc
import ProxyTypes

/// Takes the sockets that systemd passed (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES) and checks each;
/// never accepts on or closes one.
package enum InheritedSockets {
    /// In the order passed, made close-on-exec and non-blocking. Empty where LISTEN_PID is unset or of another process.
    package static func take(
        environment: [String: String], processID: Int32, first: CInt = 3
    ) throws(InheritedSocketError) -> [InheritedSocket] {
        guard let owner = environment["LISTEN_PID"] else { return [] }
        guard let owner = DecimalText.parse(owner, as: Int32.self) else {
            throw .malformed(variable: "LISTEN_PID", value: owner)
        }
        guard owner == processID, let text = environment["LISTEN_FDS"] else { return [] }
        guard let count = DecimalText.parse(text, as: CInt.self), count <= CInt.max - first else {
            throw .malformed(variable: "LISTEN_FDS", value: text)
        }
        let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false)
        if let names, count > 0, names.count != Int(count) {
            throw .namesDoNotMatch(names: names.count, sockets: Int(count))
        }
        var sockets: [InheritedSocket] = []
        for index in 0..<count {
            let descriptor = first + index
            let name = names.map { String($0[Int(index)]) } ?? "unknown"
            do throws(InheritedSocketError.Reason) {
                let address = try check(descriptor)
                try prepare(descriptor)
                sockets.append(InheritedSocket(descriptor: descriptor, name: name, address: address))
            } catch {
                throw .unusable(descriptor: descriptor, name: name, error)
            }
        }
        return sockets
    }

    private static func check(_ descriptor: CInt) throws(InheritedSocketError.Reason) -> ListenAddress {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .notOpen }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket }
        guard option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue) else { throw .notAStream }
        // Sockets of other families may not support this option.
        let address = try localAddress(of: descriptor)
        guard option(SO_ACCEPTCONN, of: descriptor) == 1 else { throw .notListening }
        return address
    }

    private static func prepare(_ descriptor: CInt) throws(InheritedSocketError.Reason) {
        let descriptorFlags = fcntl(descriptor, F_GETFD)
        let statusFlags = fcntl(descriptor, F_GETFL)
        guard descriptorFlags >= 0, fcntl(descriptor, F_SETFD, descriptorFlags | FD_CLOEXEC) == 0,
            statusFlags >= 0, fcntl(descriptor, F_SETFL, statusFlags | O_NONBLOCK) == 0
        else { throw .notPrepared(errno) }
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }

    private static func localAddress(
        of descriptor: CInt
    ) throws(InheritedSocketError.Reason) -> ListenAddress {
        var raw = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
        var length = socklen_t(raw.count)
        let result = raw.withUnsafeMutableBytes { buffer in
            getsockname(descriptor, buffer.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard result == 0 else { throw .notPrepared(errno) }
        let family = raw.withUnsafeBytes { CInt($0.loadUnaligned(as: sa_family_t.self)) }
        switch family {
        case AF_UNIX:
            let path = raw[2..<min(Int(length), raw.count)]
            if path.first == 0, path.count > 1 {
                return .unix(path: "@" + String(decoding: path.dropFirst(), as: UTF8.self))
            }
            return .unix(path: String(decoding: path.prefix { $0 != 0 }, as: UTF8.self))
        case AF_INET, AF_INET6:
            // sockaddr_in: family, port, address; sockaddr_in6 has the flow label between the two.
            let bytes = family == AF_INET ? raw[4..<8] : raw[8..<24]
            guard let address = IPAddress(bytes: bytes) else { throw .otherFamily }
            return .tcp(address, port: UInt16(raw[2]) << 8 | UInt16(raw[3]))
        default:
            throw .otherFamily
        }
    }
}

extension InheritedSocketError.Reason: Error {}
