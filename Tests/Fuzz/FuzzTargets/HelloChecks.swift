import HTTPWire
import ProxyTypes

/// What must hold for any bytes that a client sends first in a tunnel.
enum HelloChecks {
    /// The first byte says where the rest is split.
    static func clientHello(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let bytes = Array(input.dropFirst())
        let whole = ClientHelloParser.parse(bytes)
        let ends = first == 255 ? Array(0..<bytes.count) : [bytes.count * Int(first) / 255]
        for end in ends {
            let part = ClientHelloParser.parse(bytes.prefix(end))
            guard part == .incomplete || part == whole else { return "\(part) of \(end) bytes became \(whole)" }
        }
        guard case .hello(let hello) = whole else { return nil }
        if let protocols = hello.protocols, protocols.contains(where: \.isEmpty) { return "a protocol without a name" }
        if case .host(let host) = hello.serverName, host.address != nil { return "an address as a server name" }
        return nil
    }
}
