import TestSupport

/// What the first bytes of a client say (RFC 8446 4.1.2). Value.
struct ClientHello {
    static let serverName = 0
    static let groups = 10
    static let pointFormats = 11
    static let applicationProtocols = 16
    static let signatures = 13
    static let extendedMasterSecret = 23
    static let sessionTicket = 35
    static let sharedKey = 41
    static let earlyData = 42
    static let versions = 43
    static let keyModes = 45
    static let keyShare = 51
    static let renegotiation = 0xFF01

    let recordVersion: Int
    let version: Int
    let random: [UInt8]
    let sessionID: [UInt8]
    let ciphers: [Int]
    let compressions: [UInt8]
    /// In the order in which they are sent.
    private(set) var kinds: [Int] = []
    private(set) var extensions: [Int: [UInt8]] = [:]
    /// Of the whole record.
    let size: Int
    /// Nothing was sent behind it.
    let isAll: Bool

    init(_ bytes: [UInt8]) throws {
        size = bytes.count
        var record = Reader(bytes)
        guard try record.number(1) == 22 else { throw TestFailure("no handshake") }
        recordVersion = try record.number(2)
        var message = Reader(try record.bytes(2))
        isAll = record.isAtEnd
        guard try message.number(1) == 1 else { throw TestFailure("no client hello") }
        var hello = Reader(try message.bytes(3))
        version = try hello.number(2)
        random = try hello.take(32)
        sessionID = try hello.bytes(1)
        var ciphers = Reader(try hello.bytes(2))
        self.ciphers = try ciphers.numbers(2)
        compressions = try hello.bytes(1)
        var extensions = Reader(try hello.bytes(2))
        while !extensions.isAtEnd {
            let kind = try extensions.number(2)
            kinds.append(kind)
            self.extensions[kind] = try extensions.bytes(2)
        }
        guard hello.isAtEnd, message.isAtEnd else { throw TestFailure("bytes behind the client hello") }
    }

    /// The groups that it sends a public key of, and the keys' lengths.
    func keyShares() throws -> [Int: Int] {
        guard let bytes = extensions[Self.keyShare] else { throw TestFailure("no key") }
        var reader = Reader(bytes)
        var list = Reader(try reader.bytes(2))
        var shares: [Int: Int] = [:]
        while !list.isAtEnd { shares[try list.number(2)] = try list.bytes(2).count }
        return shares
    }

    /// Of the key that was agreed on before.
    var ticket: [UInt8]? {
        guard let bytes = extensions[Self.sharedKey] else { return nil }
        var reader = Reader(bytes)
        guard let list = try? reader.bytes(2) else { return nil }
        var first = Reader(list)
        return try? first.bytes(2)
    }

    /// Whichever way its version has for that.
    var offersSession: Bool { ticket != nil || extensions[Self.sessionTicket]?.isEmpty == false }

    /// The numbers of an extension that is one list of them, behind its length.
    func list(_ kind: Int, lengthSize: Int, size: Int) throws -> [Int] {
        guard let bytes = extensions[kind] else { throw TestFailure("no extension \(kind)") }
        var reader = Reader(bytes)
        var list = Reader(try reader.bytes(lengthSize))
        return try list.numbers(size)
    }

    struct Reader {
        private let all: [UInt8]
        private var at = 0

        init(_ bytes: [UInt8]) { all = bytes }

        var isAtEnd: Bool { at == all.count }

        mutating func take(_ count: Int) throws -> [UInt8] {
            guard at + count <= all.count else { throw TestFailure("cut off") }
            defer { at += count }
            return Array(all[at..<at + count])
        }

        mutating func number(_ size: Int) throws -> Int {
            try take(size).reduce(0) { $0 << 8 | Int($1) }
        }

        /// Behind a length of so many bytes.
        mutating func bytes(_ lengthSize: Int) throws -> [UInt8] {
            try take(number(lengthSize))
        }

        mutating func numbers(_ size: Int) throws -> [Int] {
            var numbers: [Int] = []
            while !isAtEnd { numbers.append(try number(size)) }
            return numbers
        }
    }
}
