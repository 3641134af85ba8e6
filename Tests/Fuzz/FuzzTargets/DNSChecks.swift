import ProxyTypes
import Resolving

/// What must hold for any bytes given as the answer of a DNS server; the check answers what was broken, or nil.
package enum DNSChecks {
    private static let name = "a.example"
    private static let greatestTTL = Interval.seconds(Int64(Int32.max))

    /// The first byte says where the message is cut, the second what is asked for.
    package static func message(_ input: [UInt8]) -> String? {
        guard input.count >= 2 else { return nil }
        let bytes = Array(input.dropFirst(2))
        let type: DNSMessage.RecordType = input[1] & 1 == 0 ? .a : .aaaa
        let answer = read(bytes, type)
        if let broken = brokenAnswer(answer, bytes, type) { return broken }
        if case .addresses = answer, read(bytes + [0xC0, 0x0C, 0, 1], type) != answer {
            return "what comes behind the message counts"
        }
        return brokenCut(answer, bytes, Array(bytes.prefix(bytes.count * Int(input[0]) / 255)), type)
    }

    private static func read(_ bytes: [UInt8], _ type: DNSMessage.RecordType) -> DNSAnswer {
        bytes.withUnsafeBytes { DNSMessage.answer(in: $0, of: name, type) }
    }

    private static func brokenAnswer(
        _ answer: DNSAnswer, _ bytes: [UInt8], _ type: DNSMessage.RecordType
    ) -> String? {
        switch answer {
        case .addresses(let addresses, let ttl):
            guard !addresses.isEmpty, Set(addresses).count == addresses.count else {
                return "no address, or one twice: \(addresses)"
            }
            guard ttl >= .zero, ttl <= greatestTTL else { return "a TTL out of bounds: \(ttl)" }
            for address in addresses {
                guard (address.family == .ipv4) == (type == .a) else { return "an address of the other family" }
                let wanted = address.bytes
                guard bytes.indices.contains(where: { bytes[$0...].starts(with: wanted) }) else {
                    return "an address that the message does not contain: \(address)"
                }
            }
        case .absent(_, let ttl):
            if let ttl, ttl < .zero || ttl > greatestTTL { return "a TTL out of bounds: \(ttl)" }
        case .failed(let text, _):
            if text.isEmpty { return "a failure without words" }
        }
        return nil
    }

    /// A message that is cut never says more than the whole.
    private static func brokenCut(
        _ whole: DNSAnswer, _ bytes: [UInt8], _ part: [UInt8], _ type: DNSMessage.RecordType
    ) -> String? {
        switch (read(part, type), whole) {
        case (.failed, _): nil
        case (.addresses, _), (.absent(_, ttl: .some), _):
            part == bytes || read(part, type) == whole ? nil : "a cut message says other things than the whole"
        case (.absent, .absent): nil
        case (.absent, _): "a cut message denies what the whole says"
        }
    }
}
