import Foundation
import HTTPWire
import ProxyTypes
import Testing

@Suite("The ClientHello that begins a tunnel")
struct ClientHelloTests {
    private static let tests = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL

    /// As a client sent it.
    private static func recorded(_ name: String) throws -> [UInt8] {
        // The corpus has a byte for the fuzzer before it.
        Array(try Data(contentsOf: tests.appending(path: "Fuzz/Corpus/client-hello/\(name)")).dropFirst())
    }

    /// What another parser reads in each: name, protocols, versions.
    private static func table() throws -> [[String]] {
        let text = try String(contentsOf: tests.appending(path: "Fixtures/client-hellos.tsv"), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    private static func number(_ text: String) -> UInt16 { UInt16(text.dropFirst(2), radix: 16) ?? 0 }

    @Test("what real clients send is read as tshark reads it")
    func recordings() throws {
        let table = try Self.table()
        #expect(table.count >= 29)
        for row in table {
            guard case .hello(let hello) = ClientHelloParser.parse(try Self.recorded(row[0])) else {
                Issue.record("\(row[0]) is not read")
                continue
            }
            let name = row[1].isEmpty ? ClientHello.ServerName.absent : .host(try OriginHost(parsing: row[1]))
            #expect(hello.serverName == name, "\(row[0])")
            let protocols = hello.protocols.map { $0.map { String(decoding: $0, as: UTF8.self) } }
            #expect((protocols ?? []).joined(separator: ",") == row[2], "\(row[0])")
            #expect((protocols != nil) == row[5].split(separator: ",").contains("16"), "\(row[0])")
            let versions = row[4].isEmpty ? [row[3]] : row[4].split(separator: ",").map(String.init)
            #expect(hello.newestVersion == versions.map(Self.number).max(), "\(row[0])")
            #expect(!hello.hasEncryptedHello)
        }
    }

    @Test("in any number of pieces, and of records, it is the same")
    func pieces() throws {
        let bytes = try Self.recorded("curl")
        let outcome = ClientHelloParser.parse(bytes)
        for end in bytes.indices { #expect(ClientHelloParser.parse(bytes.prefix(end)) == .incomplete) }
        var records: [UInt8] = []
        for byte in bytes.dropFirst(5) { records += [22, 3, 1, 0, 1, byte] }
        #expect(ClientHelloParser.parse(records) == outcome)
        // What comes behind it is for the server.
        #expect(ClientHelloParser.parse(bytes + [23, 3, 3, 0, 1, 0]) == outcome)
    }

    @Test(
        "another protocol is told apart by its first bytes",
        arguments: ["GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{80}.\u{1}", "\u{16}\u{2}"])
    func otherProtocols(text: String) {
        let bytes = text.unicodeScalars.map { UInt8($0.value) }
        #expect(ClientHelloParser.parse(bytes) == .notTLS)
    }

    // MARK: Made by hand

    private static func vector(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }

    private static func extending(_ type: Int, _ content: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 0xFF)] + vector(content, 2)
    }

    private static func record(_ message: [UInt8]) -> [UInt8] { [22, 3, 1] + vector(message, 2) }

    private static func hello(
        version: [UInt8] = [3, 3], session: [UInt8] = [], ciphers: [UInt8] = [0x13, 1], compression: [UInt8] = [0],
        _ extensions: [UInt8]? = nil, behind: [UInt8] = []
    ) -> [UInt8] {
        let body =
            version + [UInt8](repeating: 7, count: 32) + vector(session, 1) + vector(ciphers, 2)
            + vector(compression, 1)
            + (extensions.map { vector($0, 2) } ?? []) + behind
        return record([1] + vector(body, 3))
    }

    private static func named(_ name: String, type: UInt8 = 0) -> [UInt8] {
        extending(0, vector([type] + vector(Array(name.utf8), 2), 2))
    }

    private static func fault(_ bytes: [UInt8]) -> ClientHelloParser.Fault? {
        guard case .malformed(let fault) = ClientHelloParser.parse(bytes) else { return nil }
        return fault
    }

    @Test("what is wrong is refused, each with its reason")
    func faults() {
        let name = Self.named("a.example")
        let fault = Self.fault
        #expect(fault([22, 3, 1, 0, 0]) == .record)
        #expect(fault([22, 3, 1, 0x40, 1]) == .record)
        #expect(fault([22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 1, 0]) == .record)
        #expect(fault(Self.record([2, 0, 0, 0])) == .handshake)
        #expect(fault(Self.record([1, 0, 0, 40] + [UInt8](repeating: 3, count: 41))) == .handshake)
        #expect(fault(Self.hello(version: [2, 9])) == .version)
        #expect(fault(Self.hello(session: [UInt8](repeating: 0, count: 33))) == .sessionID)
        #expect(fault(Self.hello(ciphers: [])) == .ciphers)
        #expect(fault(Self.hello(ciphers: [1, 2, 3])) == .ciphers)
        #expect(fault(Self.hello(compression: [1])) == .compression)
        #expect(fault(Self.hello(name, behind: [0])) == .extensions)
        #expect(fault(Self.hello(name.dropLast())) == .extensions)
        #expect(fault(Self.hello(name + name)) == .duplicateExtension)
        #expect(fault(Self.hello(Self.extending(0, []))) == .serverName)
        #expect(fault(Self.hello(Self.named(""))) == .serverName)
        #expect(fault(Self.hello(Self.named("a.example", type: 1))) == .serverName)
        #expect(fault(Self.hello(Self.extending(16, [0, 0]))) == .protocols)
        #expect(fault(Self.hello(Self.extending(16, [0, 1, 0]))) == .protocols)
        #expect(fault(Self.hello(Self.extending(43, [1, 3]))) == .supportedVersions)
    }

    private static func accepted(_ bytes: [UInt8]) -> ClientHello? {
        guard case .hello(let hello) = ClientHelloParser.parse(bytes) else { return nil }
        return hello
    }

    @Test("names that are none are told apart from no name")
    func names() throws {
        #expect(Self.accepted(Self.hello())?.serverName == .absent)
        for text in ["127.0.0.1", "a.example.", "a b", "[::1]", "1.2"] {
            #expect(Self.accepted(Self.hello(Self.named(text)))?.serverName == .invalid, "\(text)")
        }
        let host = try OriginHost(parsing: "a.example")
        #expect(Self.accepted(Self.hello(Self.named("A.Example")))?.serverName == .host(host))
    }

    @Test("what decides where it goes")
    func decisive() {
        let http2 = Self.extending(16, Self.vector([2] + Array("h2".utf8), 2))
        let both = Self.extending(16, Self.vector([2] + Array("h2".utf8) + [8] + Array("http/1.1".utf8), 2))
        #expect(Self.accepted(Self.hello())?.takesHTTP1 == true)
        #expect(Self.accepted(Self.hello(http2))?.takesHTTP1 == false)
        #expect(Self.accepted(Self.hello(both))?.takesHTTP1 == true)
        #expect(Self.accepted(Self.hello(Self.extending(0xFE0D, [0])))?.hasEncryptedHello == true)
        // GREASE is no version.
        let versions = Self.extending(43, [4, 0xAA, 0xAA, 3, 3])
        #expect(Self.accepted(Self.hello(versions))?.newestVersion == 0x0303)
        #expect(Self.accepted(Self.hello(version: [3, 1]))?.newestVersion == 0x0301)
    }

    @Test("its length is bounded")
    func bounded() {
        // Known as soon as it says so.
        #expect(ClientHelloParser.parse([22, 3, 1, 1, 0, 1, 1, 0, 0]) == .tooLong)
    }
}
