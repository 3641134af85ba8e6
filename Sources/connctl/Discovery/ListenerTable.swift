import AdminClient
import Glibc
import ProxyTypes

/// Finds which user listens on a TCP address of this host, from the kernel's tables. Value.
struct ListenerTable: Sendable {
    var paths = ["/proc/net/tcp", "/proc/net/tcp6"]

    private struct Listener {
        /// 4 or 16, in network order.
        let address: [UInt8]
        let port: Int
        let user: uid_t
    }

    /// Empty if nothing listens there, or if the tables cannot be read.
    func users(at address: AdminAddress) -> Set<uid_t> {
        guard case .tcp(_, let host, let port) = address.endpoint else { return [] }
        let hosts = host == "localhost" ? ["127.0.0.1", "::1"] : [host]
        let listeners = paths.flatMap(Self.listeners).filter { $0.port == port }
        return Set(
            hosts.compactMap { IPAddress($0)?.bytes }.flatMap { wanted in
                // The kernel prefers a listener on the exact address over one on all addresses.
                let exact = listeners.filter { $0.address == wanted }
                return (exact.isEmpty ? listeners.filter { $0.address.allSatisfy { $0 == 0 } } : exact).map(\.user)
            })
    }

    /// ::ffff:127.0.0.1 is 127.0.0.1.
    private static func unmapped(_ address: [UInt8]) -> [UInt8] {
        let isMapped =
            address.count == 16 && address.prefix(10).allSatisfy { $0 == 0 } && address[10...11] == [255, 255]
        return isMapped ? Array(address.suffix(4)) : address
    }

    private static func listeners(_ path: String) -> [Listener] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var (line, size): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
        defer { free(line) }
        var found: [Listener] = []
        var isHead = true
        while getline(&line, &size, file) > 0, let line {
            defer { isHead = false }
            if isHead { continue }
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid …
            let words = String(cString: line).split(separator: " ")
            // Listeners come first, before a possibly large number of connections.
            guard words.count > 7, words[3] == "0A" else { break }
            let place = words[1].split(separator: ":")
            guard place.count == 2, let port = Int(place[1], radix: 16), let user = uid_t(words[7]) else { continue }
            found.append(Listener(address: unmapped(address(place[0])), port: port, user: user))
        }
        return found
    }

    /// The kernel prints each 32-bit word as one number in host byte order.
    private static func address(_ text: Substring) -> [UInt8] {
        stride(from: 0, to: text.utf8.count, by: 8).flatMap { start -> [UInt8] in
            let word = UInt32(text.dropFirst(start).prefix(8), radix: 16) ?? .max
            return withUnsafeBytes(of: word) { Array($0) }
        }
    }
}
