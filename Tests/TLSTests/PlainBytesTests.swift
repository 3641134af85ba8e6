import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

@Suite("TLS: plain bytes")
struct PlainBytesTests {
    static let versions: [LibraryServer.Version] = [.v1_2, .v1_3]

    private func link(_ fixture: TLSFixture, _ version: LibraryServer.Version) throws -> TLSLink {
        try fixture.connect(LibraryServer(fixture.certificates.origin(), .init(version)))
    }

    @Test("bytes go both ways", arguments: versions)
    func bothWays(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        link.write("a request")
        link.exchange()
        #expect(link.serverText == "a request" && link.server?.version == version)
        link.send("a response")
        link.exchange()
        #expect(link.text == "a response" && link.recorder.ends.isEmpty)
        #expect(link.info?.isResumed == false && link.info?.isVerified == true)
        #expect(link.info?.version.name == (version == .v1_2 ? "1.2" : "1.3"))
        #expect(link.info?.cipher.hasPrefix("TLS_") == true && link.info?.certificateExpires != nil)
    }

    // MARK: Reading

    @Test("what comes is the same at whatever byte it is split", arguments: versions)
    func splits(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        let parts = ["first ", "s", "econd, and what is behind it"]
        var split = 0
        repeat {
            for part in parts { link.send(part) }
            link.deliver(split)
            link.deliver()
            #expect(link.recorder.take() == Array(parts.joined().utf8), "split at \(split)")
            split += 1
            for part in parts { link.send(part) }
            if split < link.underway.count { link.deliver() }
            _ = link.recorder.take()
        } while link.underway.isEmpty
        #expect(split > 90)
    }

    @Test(
        "what comes byte by byte is whole, and each record is handed on when its last byte is there",
        arguments: versions)
    func byteByByte(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        for part in ["first ", "s", "econd"] { link.send(part) }
        while !link.underway.isEmpty { link.deliver(1) }
        #expect(link.text == "first second" && link.recorder.pieces == [6, 1, 5])
    }

    @Test("records of any size are whole, many in one read or one in many", arguments: versions)
    func sizes(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        var seeded = SeededBytes(1)
        for (size, count) in [(1, 3000), (2, 500), (1000, 300), (16_383, 20), (16_384, 20), (16_385, 20), (300_000, 2)]
        {
            for piece in [700, 16_384, 65_536, Int.max] {
                let bytes = seeded.bytes(size * count)
                for start in stride(from: 0, to: bytes.count, by: size) {
                    link.server?.write(Array(bytes[start..<start + size]))
                }
                link.carryOut()
                while !link.underway.isEmpty { link.deliver(piece) }
                #expect(link.recorder.take() == bytes, "\(count) of \(size), read by \(piece)")
            }
        }
    }

    @Test("one read is handed on in one piece, however many records it brings", arguments: versions)
    func onePiece(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        for _ in 0..<100 { link.send("x") }
        link.deliver()
        #expect(link.recorder.pieces == [100])
    }

    // MARK: Pausing

    @Test("nothing is handed on while reading is paused, and everything after", arguments: versions)
    func paused(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture(readSize: 32 * 1024)
        let link = try link(fixture, version)
        var seeded = SeededBytes(1)
        let bytes = seeded.bytes(1_000_000)
        link.stream?.pauseReading()
        link.send(bytes)
        link.deliver()
        #expect(link.recorder.pieces.isEmpty)
        // Pauses again with each piece, from within.
        link.recorder.onReceive = { _ in link.stream?.pauseReading() }
        var resumes = 0
        var seen = 0
        while link.recorder.bytes.count < bytes.count, resumes < 1000 {
            link.stream?.resumeReading()
            fixture.turn()
            resumes += 1
            #expect(link.recorder.pieces.count == resumes)
            // What one read brings, and the rest of a record that came before.
            #expect(link.recorder.bytes.count - seen <= 32 * 1024 + 16_384)
            seen = link.recorder.bytes.count
            // The rest is the kernel's to keep.
            #expect(link.socket.unread.count >= bytes.count - seen - 16_384)
        }
        #expect(link.recorder.bytes == bytes && resumes > 20)
    }

    @Test("an end that comes while reading is paused is told after what came before it", arguments: versions)
    func pausedEnd(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        link.recorder.onReceive = { _ in link.stream?.pauseReading() }
        link.send("the rest")
        link.server?.sendCloseNotify()
        link.carryOut()
        link.deliver()
        link.socket.end()
        fixture.turn()
        #expect(link.text == "the rest" && link.recorder.ends.isEmpty && link.stream?.hangupSeen == true)
        link.stream?.resumeReading()
        #expect(link.recorder.ends.isEmpty)
        fixture.turn()
        #expect(link.recorder.ends == [.input] && link.stream?.inputEndIsUnproven == false)
    }

    @Test("a read limit holds for what one read brings")
    func readLimit() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, .v1_3)
        link.stream?.readLimit = 4096
        for _ in 0..<100 { link.server?.write([UInt8](repeating: 1, count: 1000)) }
        link.carryOut()
        link.deliver()
        for _ in 0..<20 { fixture.turn() }
        #expect(link.recorder.bytes.count == 100_000)
        #expect((link.recorder.pieces.max() ?? 0) <= 5000)
    }

    // MARK: Writing

    /// The sizes of the records in what connd has sent.
    private func records(_ bytes: [UInt8]) -> [Int] {
        var sizes: [Int] = []
        var at = 0
        while at + 5 <= bytes.count {
            sizes.append(Int(bytes[at + 3]) << 8 | Int(bytes[at + 4]))
            at += 5 + (sizes.last ?? 0)
        }
        return sizes
    }

    @Test(
        "two parts are one record where they fit",
        arguments: [
            (0, 0, 0), (0, 10, 1), (10, 0, 1), (100, 200, 1), (16_383, 1, 1), (1, 16_383, 1), (16_384, 1, 2),
            (1, 16_384, 2), (100, 40_000, 3), (20_000, 100, 3), (40_000, 40_000, 6),
        ])
    func twoParts(first: Int, second: Int, count: Int) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, .v1_3)
        link.exchange()
        var seeded = SeededBytes(1)
        let (a, b) = (seeded.bytes(first), seeded.bytes(second))
        link.write(a, b)
        #expect(records(link.socket.receivedBytes).count == count)
        link.exchange()
        #expect(link.server?.received == a + b)
    }

    @Test("what the peer does not take waits, and its going out is told", arguments: versions)
    func backPressure(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        var seeded = SeededBytes(1)
        let bytes = seeded.bytes(100_000)
        link.socket.takeOnly(1000)
        link.write(bytes)
        #expect(link.stream?.isWritable == false && (link.stream?.unsentBytes ?? 0) >= bytes.count - 1000)
        link.write("behind")
        #expect(link.recorder.drains == 0)
        link.socket.takeAll()
        link.exchange()
        #expect(link.recorder.drains == 1 && link.stream?.isWritable == true && link.stream?.unsentBytes == 0)
        #expect(link.server?.received == bytes + Array("behind".utf8))
    }
}
