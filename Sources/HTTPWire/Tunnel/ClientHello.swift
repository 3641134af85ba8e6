package import ProxyTypes

/// What a client asks for with the first message of a TLS connection (RFC 8446 4.1.2, RFC 5246 7.4.1.2), as far as it decides
/// where the connection goes. Value.
package struct ClientHello: Hashable, Sendable {
    package enum ServerName: Hashable, Sendable {
        /// No extension, as for an address.
        case absent
        case host(OriginHost)
        /// Something that is no host name (RFC 6066 3).
        case invalid
    }

    package var serverName = ServerName.absent
    /// The application protocols that it offers (RFC 7301), in its order; nil without the extension.
    package var protocols: [[UInt8]]?
    /// The newest version of TLS that it offers, as on the wire: 0x0304 is TLS 1.3.
    package var newestVersion: UInt16 = 0
    /// The real hello is encrypted inside, and `serverName` may name only the server in front of the real one (RFC 9849).
    package var hasEncryptedHello = false
    /// Tells TLS libraries and their versions apart: of what they offer and in which order, without what differs between the
    /// connections of one program.
    package var fingerprint: UInt32 = 0

    /// Whether it will speak HTTP/1.1. Without the extension, the server chooses.
    package var takesHTTP1: Bool { protocols?.contains(Array("http/1.1".utf8)) ?? true }
}

/// Reads the ClientHello at the beginning of what a client sends. The server may get these same bytes, so nothing is repaired:
/// what another parser might read differently is malformed. Pure.
package enum ClientHelloParser {
    package enum Outcome: Hashable, Sendable {
        /// More must come to tell.
        case incomplete
        case hello(ClientHello)
        /// Another protocol.
        case notTLS
        case malformed(Fault)
        /// Longer than `maxBytes`.
        case tooLong
    }

    package enum Fault: String, Hashable, CaseIterable, Sendable {
        case record, handshake, version, sessionID, ciphers, compression, extensions, duplicateExtension, serverName
        case protocols, supportedVersions
    }

    /// Of the message itself; clients send 200 to 2,000.
    package static let maxBytes = 16 * 1024

    /// `bytes`: all that has come since the connection was opened.
    package static func parse(_ bytes: some RandomAccessCollection<UInt8>) -> Outcome {
        do throws(Ending) {
            return .hello(try hello(try message(Array(bytes))))
        } catch {
            return error.outcome
        }
    }

    private struct Ending: Error {
        let outcome: Outcome

        init(_ outcome: Outcome) { self.outcome = outcome }
        init(_ fault: Fault) { outcome = .malformed(fault) }
    }

    private enum RecordLayer {
        static let handshake: UInt8 = 22
        static let headerSize = 5
        static let maxLength = 1 << 14
    }

    private enum MessageType {
        static let clientHello: UInt8 = 1
        static let headerSize = 4
    }

    // MARK: Records

    /// The body of the message, from as many records as it takes.
    private static func message(_ bytes: [UInt8]) throws(Ending) -> ArraySlice<UInt8> {
        var gathered: [UInt8] = []
        var position = 0
        while true {
            let header = bytes[position...].prefix(RecordLayer.headerSize)
            try checkHeader(header, isFirst: position == 0)
            guard header.count == RecordLayer.headerSize else { throw Ending(.incomplete) }
            let length = Int(header[position + 3]) << 8 | Int(header[position + 4])
            guard (1...RecordLayer.maxLength).contains(length) else { throw Ending(.record) }
            position += RecordLayer.headerSize
            let part = bytes[position...].prefix(length)
            gathered += part
            position += part.count
            if let message = try whole(gathered, endsRecord: part.count == length) { return message }
            guard part.count == length else { throw Ending(.incomplete) }
        }
    }

    /// Looks at as much of it as has come.
    private static func checkHeader(_ header: ArraySlice<UInt8>, isFirst: Bool) throws(Ending) {
        let start = header.startIndex
        if let type = header.first, type != RecordLayer.handshake { throw isFirst ? Ending(.notTLS) : Ending(.record) }
        if header.count > 1, header[start + 1] != 3 { throw isFirst ? Ending(.notTLS) : Ending(.record) }
        if header.count > 2, header[start + 2] > 4 { throw Ending(.record) }
    }

    /// Nil while some of it is missing.
    private static func whole(_ gathered: [UInt8], endsRecord: Bool) throws(Ending) -> ArraySlice<UInt8>? {
        if let type = gathered.first, type != MessageType.clientHello { throw Ending(.handshake) }
        guard gathered.count >= MessageType.headerSize else { return nil }
        let length = Int(gathered[1]) << 16 | Int(gathered[2]) << 8 | Int(gathered[3])
        guard length <= maxBytes else { throw Ending(.tooLong) }
        let end = MessageType.headerSize + length
        guard gathered.count >= end else { return nil }
        // A client says nothing else before the server has answered; early data is another record.
        guard gathered.count == end, endsRecord else { throw Ending(.handshake) }
        return gathered[MessageType.headerSize...]
    }

    // MARK: The message

    private static func hello(_ body: ArraySlice<UInt8>) throws(Ending) -> ClientHello {
        var reader = Reader(rest: body)
        var hello = ClientHello()
        guard let version = reader.number(2), version >= 0x0300 else { throw Ending(.version) }
        hello.newestVersion = UInt16(version)
        guard reader.take(32) != nil else { throw Ending(.handshake) }
        guard let session = reader.vector(1), session.count <= 32 else { throw Ending(.sessionID) }
        guard let ciphers = reader.vector(2), ciphers.count >= 2, ciphers.count.isMultiple(of: 2) else {
            throw Ending(.ciphers)
        }
        guard let compression = reader.vector(1), compression.contains(0) else { throw Ending(.compression) }
        hello.fingerprint = Fingerprint.of(ciphers, [])
        guard !reader.rest.isEmpty else { return hello }
        guard let list = reader.vector(2), reader.rest.isEmpty else { throw Ending(.extensions) }
        var extensions = Reader(rest: list)
        var seen: Set<Int> = []
        while !extensions.rest.isEmpty {
            guard let type = extensions.number(2), let content = extensions.vector(2) else { throw Ending(.extensions) }
            guard seen.insert(type).inserted else { throw Ending(.duplicateExtension) }
            try read(type, content, into: &hello)
        }
        hello.fingerprint = Fingerprint.of(ciphers, seen)
        return hello
    }

    /// FNV-1a of the cipher suites in their order, and of the extensions sorted, as some programs shuffle them.
    private enum Fingerprint {
        /// Which are there depends on the host, on what a client remembers of it, or on lengths: server name, padding, session
        /// ticket, pre-shared key, early data, cookie, encrypted hello.
        private static let changing: Set<Int> = [0, 21, 35, 41, 42, 44, 0xFE0D]

        static func of(_ ciphers: ArraySlice<UInt8>, _ extensions: Set<Int>) -> UInt32 {
            var hash: UInt32 = 0x811C_9DC5
            func add(_ value: Int) {
                // GREASE is drawn at random (RFC 8701).
                guard value & 0x0F0F != 0x0A0A else { return }
                for byte in [value >> 8, value & 0xFF] { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            }
            var reader = Reader(rest: ciphers)
            while let cipher = reader.number(2) { add(cipher) }
            for type in extensions.subtracting(changing).sorted() { add(type) }
            return hash
        }
    }

    private enum ExtensionType {
        static let serverName = 0, applicationProtocols = 16, supportedVersions = 43, encryptedHello = 0xFE0D
    }

    private static func read(_ type: Int, _ content: ArraySlice<UInt8>, into hello: inout ClientHello) throws(Ending) {
        switch type {
        case ExtensionType.serverName: hello.serverName = try serverName(content)
        case ExtensionType.applicationProtocols: hello.protocols = try protocols(content)
        case ExtensionType.supportedVersions: hello.newestVersion = try newest(content)
        case ExtensionType.encryptedHello: hello.hasEncryptedHello = true
        default: break
        }
    }

    /// One name, of the only type that there is (RFC 6066 3).
    private static func serverName(_ content: ArraySlice<UInt8>) throws(Ending) -> ClientHello.ServerName {
        var reader = Reader(rest: content)
        guard let list = reader.vector(2), reader.rest.isEmpty else { throw Ending(.serverName) }
        var names = Reader(rest: list)
        guard names.number(1) == 0, let name = names.vector(2), !name.isEmpty, names.rest.isEmpty else {
            throw Ending(.serverName)
        }
        // Neither an address nor a trailing dot is a name there.
        guard name.last != UInt8(ascii: "."),
            let host = try? OriginHost(parsing: String(decoding: name, as: UTF8.self)),
            host.address == nil
        else { return .invalid }
        return .host(host)
    }

    private static func protocols(_ content: ArraySlice<UInt8>) throws(Ending) -> [[UInt8]] {
        var reader = Reader(rest: content)
        guard let list = reader.vector(2), !list.isEmpty, reader.rest.isEmpty else { throw Ending(.protocols) }
        var names = Reader(rest: list)
        var found: [[UInt8]] = []
        while !names.rest.isEmpty {
            guard let name = names.vector(1), !name.isEmpty else { throw Ending(.protocols) }
            found.append(Array(name))
        }
        return found
    }

    /// The newest in the list, without GREASE: reserved values by which clients test that servers ignore what they do not know
    /// (RFC 8701).
    private static func newest(_ content: ArraySlice<UInt8>) throws(Ending) -> UInt16 {
        var reader = Reader(rest: content)
        guard let list = reader.vector(1), list.count >= 2, list.count.isMultiple(of: 2), reader.rest.isEmpty else {
            throw Ending(.supportedVersions)
        }
        var versions = Reader(rest: list)
        var newest: UInt16 = 0
        while let version = versions.number(2) {
            if version & 0x0F0F != 0x0A0A { newest = max(newest, UInt16(version)) }
        }
        return newest
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func number(_ size: Int) -> Int? {
            take(size)?.reduce(0) { $0 << 8 | Int($1) }
        }

        /// What has its length, in so many bytes, before it.
        mutating func vector(_ sizeOfLength: Int) -> ArraySlice<UInt8>? {
            let before = rest
            guard let count = number(sizeOfLength), let content = take(count) else {
                rest = before
                return nil
            }
            return content
        }
    }
}
