package import ProxyTypes

/// What a DNS server said about one family of a name's addresses. Value.
package enum DNSAnswer: Equatable, Sendable {
    /// `ttl` is the least of the addresses' and of the aliases' that lead to them.
    case addresses([IPAddress], ttl: Interval)
    /// There is none. `ttl`: how long that holds (RFC 2308 section 5); nil where the answer does not say.
    case absent(nameExists: Bool, ttl: Interval?)
    case failed(String, isTimeout: Bool)
}

/// Reads a DNS message (RFC 1035 section 4). The bytes may be anyone's. Value.
package struct DNSMessage {
    package enum RecordType: UInt16, Sendable {
        case a = 1
        case aaaa = 28
    }

    private let bytes: UnsafeRawBufferPointer
    private let answerCount: Int
    private let authorityCount: Int
    private let code: UInt8
    private var position: Int

    /// Nil where the message is not whole.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 12 else { return nil }
        self.bytes = bytes
        func number(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
        code = bytes[3] & 0x0F
        answerCount = number(6)
        authorityCount = number(8)
        position = 12
        for _ in 0..<number(4) {
            guard name() != nil, skip(4) else { return nil }
        }
    }

    /// What it says of `name`, which is in lower case. Only records count whose owner is that name, or one that it is an
    /// alias of in this same message.
    package static func answer(in bytes: UnsafeRawBufferPointer, of name: String, _ type: RecordType) -> DNSAnswer {
        guard var message = DNSMessage(bytes) else { return .failed("the answer cannot be read", isTimeout: false) }
        return message.answer(of: name, type)
    }

    private struct Found {
        var aliases: [String: (target: String, ttl: UInt32)] = [:]
        var addresses: [String: (list: [IPAddress], ttl: UInt32)] = [:]
    }

    private mutating func answer(of name: String, _ type: RecordType) -> DNSAnswer {
        let (noError, noSuchName): (UInt8, UInt8) = (0, 3)
        guard code == noError || code == noSuchName else {
            return .failed("the server answered with code \(code)", isTimeout: false)
        }
        var found = Found()
        for _ in 0..<answerCount {
            guard let record = record() else { return .failed("the answer is cut", isTimeout: false) }
            note(record, type, in: &found)
        }
        var owner = Self.withoutDot(name)
        var ttl = UInt32.max
        var passed: Set<String> = []
        while found.addresses[owner] == nil, let alias = found.aliases[owner] {
            guard passed.insert(owner).inserted else {
                return .failed("the name is an alias of itself", isTimeout: false)
            }
            ttl = min(ttl, alias.ttl)
            owner = alias.target
        }
        if let addresses = found.addresses[owner], code == noError {
            return .addresses(addresses.list, ttl: .seconds(Int64(min(ttl, addresses.ttl))))
        }
        return .absent(nameExists: code == noError, ttl: negativeTTL())
    }

    private func note(_ record: Record, _ type: RecordType, in found: inout Found) {
        let (internet, alias): (UInt16, UInt16) = (1, 5)
        guard record.classCode == internet else { return }
        if record.type == alias {
            var reader = self
            reader.position = record.data.lowerBound
            if let target = reader.name() { found.aliases[record.owner] = (target, record.ttl) }
        } else if record.type == type.rawValue, record.data.count == (type == .a ? 4 : 16),
            let address = IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[record.data]))
        {
            var entry = found.addresses[record.owner] ?? ([], .max)
            if entry.list.count < NameAnswer.mostAddresses, !entry.list.contains(address) {
                entry.list.append(address)
            }
            entry.ttl = min(entry.ttl, record.ttl)
            found.addresses[record.owner] = entry
        }
    }

    /// The lesser of the SOA record's TTL and its minimum.
    private mutating func negativeTTL() -> Interval? {
        let authorityOfZone: UInt16 = 6
        for _ in 0..<authorityCount {
            guard let record = record() else { return nil }
            guard record.type == authorityOfZone, record.data.count >= 20 else { continue }
            let at = record.data.upperBound - 4
            let minimum = bytes[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return .seconds(Int64(min(Self.positive(minimum), record.ttl)))
        }
        return nil
    }

    // MARK: Records

    private struct Record {
        let owner: String
        let type: UInt16
        let classCode: UInt16
        let ttl: UInt32
        let data: Range<Int>
    }

    private mutating func record() -> Record? {
        guard let owner = name(), position + 10 <= bytes.count else { return nil }
        func number(_ offset: Int) -> UInt16 {
            UInt16(bytes[position + offset]) << 8 | UInt16(bytes[position + offset + 1])
        }
        let ttl = Self.positive(UInt32(number(4)) << 16 | UInt32(number(6)))
        let length = Int(number(8))
        let data = position + 10..<position + 10 + length
        guard data.upperBound <= bytes.count else { return nil }
        defer { position = data.upperBound }
        return Record(owner: owner, type: number(0), classCode: number(2), ttl: ttl, data: data)
    }

    /// A TTL with the highest bit set is 0 (RFC 2181 section 8).
    private static func positive(_ ttl: UInt32) -> UInt32 { ttl > UInt32(Int32.max) ? 0 : ttl }

    private static func withoutDot(_ name: String) -> String { name.hasSuffix(".") ? String(name.dropLast()) : name }

    private mutating func skip(_ count: Int) -> Bool {
        position += count
        return position <= bytes.count
    }

    /// The name at the position, in lower case and without its last dot. The position moves behind it.
    private mutating func name() -> String? {
        var text: [UInt8] = []
        var at = position
        var end: Int?
        while at < bytes.count {
            let length = Int(bytes[at])
            switch length {
            case 0:
                position = end ?? at + 1
                return String(decoding: text, as: UTF8.self)
            case 1...63:
                guard at + 1 + length <= bytes.count, text.count + length < 255 else { return nil }
                if !text.isEmpty { text.append(UInt8(ascii: ".")) }
                for byte in bytes[at + 1..<at + 1 + length] {
                    // A dot within a label must not look like one between labels.
                    guard byte != UInt8(ascii: ".") else { return nil }
                    text.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
                }
                at += 1 + length
            case 192...255:
                guard at + 1 < bytes.count else { return nil }
                let target = (length & 0x3F) << 8 | Int(bytes[at + 1])
                if end == nil { end = at + 2 }
                // Only backwards, as RFC 1035 has it. A circle adds a label each time, and ends at the longest name.
                guard target < at else { return nil }
                at = target
            default: return nil
            }
        }
        return nil
    }
}
