import ProxyTypes
import Testing

@testable import Resolving

@Suite("DNS messages (RFC 1035)")
struct DNSMessageTests {
    private struct Record {
        var owner: String
        var type: UInt16
        var ttl: UInt32
        var data: [UInt8]

        static func a(_ owner: String, _ last: UInt8, ttl: UInt32 = 60) -> Record {
            Record(owner: owner, type: 1, ttl: ttl, data: [192, 0, 2, last])
        }
        static func alias(_ owner: String, _ target: String, ttl: UInt32 = 60) -> Record {
            Record(owner: owner, type: 5, ttl: ttl, data: name(target))
        }
        static func soa(ttl: UInt32, minimum: UInt32) -> Record {
            let numbers = [1, 1, 1, 1, minimum].flatMap { number(UInt32($0)) }
            return Record(owner: "example", type: 6, ttl: ttl, data: name("ns.example") + name("h.example") + numbers)
        }
    }

    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
    private static func number(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
    private static func short(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    private static func message(code: UInt8 = 0, _ answers: [Record], authority: [Record] = []) -> [UInt8] {
        var bytes: [UInt8] =
            [0, 7, 0x81, 0x80 | code] + short(1) + short(answers.count) + short(authority.count) + short(0)
        bytes += name("a.example") + short(1) + short(1)
        for record in answers + authority {
            bytes += name(record.owner) + short(Int(record.type)) + short(1) + number(record.ttl)
            bytes += short(record.data.count) + record.data
        }
        return bytes
    }

    private func read(_ bytes: [UInt8], _ type: DNSMessage.RecordType = .a) -> DNSAnswer {
        bytes.withUnsafeBytes { DNSMessage.answer(in: $0, of: "a.example", type) }
    }

    private static func addresses(_ last: [UInt8], ttl: Int64) -> DNSAnswer {
        .addresses(last.map { IPAddress(ipv4: 0xC000_0200 | UInt32($0)) }, ttl: .seconds(ttl))
    }

    @Test("addresses come in their order, each once, with the least TTL")
    func addresses() {
        let bytes = Self.message([.a("a.example", 2, ttl: 30), .a("A.Example", 1, ttl: 9), .a("a.example", 2)])
        #expect(read(bytes) == Self.addresses([2, 1], ttl: 9))
    }

    @Test("aliases are followed in any order, and their TTLs count")
    func aliases() {
        let bytes = Self.message([
            .a("c.example", 3), .alias("b.example", "c.example", ttl: 4), .alias("a.example", "B.example"),
        ])
        #expect(read(bytes) == Self.addresses([3], ttl: 4))
    }

    @Test("records of other owners do not count")
    func owners() {
        let bytes = Self.message([.a("evil.example", 6), .alias("x.example", "evil.example"), .a("a.example", 1)])
        #expect(read(bytes) == Self.addresses([1], ttl: 60))
        #expect(read(Self.message([.a("evil.example", 6)])) == .absent(nameExists: true, ttl: nil))
    }

    @Test("aliases in a circle are an error", arguments: ["a.example", "b.example"])
    func circle(back: String) {
        let bytes = Self.message([
            .alias("a.example", "b.example"), .alias("b.example", "c.example"), .alias("c.example", back),
        ])
        #expect(read(bytes) == .failed("the name is an alias of itself", isTimeout: false))
    }

    @Test("no address, and no such name, for the lesser of the SOA's TTL and its minimum")
    func negative() {
        let soa = [Record.soa(ttl: 300, minimum: 7)]
        #expect(read(Self.message([], authority: soa)) == .absent(nameExists: true, ttl: .seconds(7)))
        #expect(read(Self.message(code: 3, [], authority: soa)) == .absent(nameExists: false, ttl: .seconds(7)))
        let short = [Record.soa(ttl: 2, minimum: 7)]
        #expect(read(Self.message([], authority: short)) == .absent(nameExists: true, ttl: .seconds(2)))
        #expect(read(Self.message(code: 3, [])) == .absent(nameExists: false, ttl: nil))
    }

    @Test("a TTL with the highest bit set is 0")
    func hugeTTL() {
        #expect(read(Self.message([.a("a.example", 1, ttl: 1 << 31)])) == Self.addresses([1], ttl: 0))
    }

    @Test("a message that is cut anywhere is an error or has less to say, and no pointer leads in a circle")
    func cut() {
        let whole = Self.message(
            [.alias("a.example", "b.example"), .a("b.example", 1)], authority: [.soa(ttl: 1, minimum: 1)])
        for count in 0..<whole.count { _ = read(Array(whole[..<count])) }
        for count in 0..<60 {
            guard case .failed = read(Array(whole[..<count])) else {
                Issue.record("a message of \(count) bytes is read")
                return
            }
        }
        for pointer in 12..<64 as Range<UInt8> {
            var bytes = Self.message([])
            bytes[7] = 1
            bytes += [0xC0, pointer] + Self.short(1) + Self.short(1) + Self.number(9) + Self.short(4) + [1, 2, 3, 4]
            _ = read(bytes)
        }
    }

    @Test("a dot within a label is not a name's dot")
    func dots() {
        var bytes = Self.message([.a("a_example", 1)])
        guard let at = bytes.lastIndex(of: UInt8(ascii: "_")) else { return }
        bytes[at] = UInt8(ascii: ".")
        #expect(read(bytes) == .failed("the answer is cut", isTimeout: false))
    }
}
