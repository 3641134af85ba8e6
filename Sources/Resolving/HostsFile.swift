import ProxyTypes

/// The addresses that a hosts file gives to names: hosts(5). Value.
struct HostsFile: Sendable {
    private var addresses: [String: [IPAddress]] = [:]

    init() {}

    /// Lines that cannot be read are passed over, as the C library does.
    init(parsing text: some Sequence<UInt8>) {
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            let content = line.prefix { $0 != UInt8(ascii: "#") }
            let fields = content.split {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
            }
            guard let first = fields.first, let address = IPAddress(String(decoding: first, as: UTF8.self)) else {
                continue
            }
            for field in fields.dropFirst() {
                let name = Self.key(String(decoding: field, as: UTF8.self))
                if addresses[name]?.contains(address) != true { addresses[name, default: []].append(address) }
            }
        }
    }

    /// Nil: the file does not name it.
    func addresses(of name: String) -> [IPAddress]? { addresses[Self.key(name)] }

    var count: Int { addresses.count }

    private static func key(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
