import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

/// Messages of the protocol among the bytes of the application.
@Suite("TLS: key updates, tickets and renegotiation")
struct KeyUpdateTests {
    private func link(_ fixture: TLSFixture, _ version: LibraryServer.Version = .v1_3) throws -> TLSLink {
        try fixture.connect(LibraryServer(fixture.certificates.origin(), .init(version)))
    }

    @Test(
        "bodies are whole with new keys and tickets in between, in whatever parts they come",
        arguments: [1, 7, 100, 5000])
    func inBodies(part: Int) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        var seeded = SeededBytes(UInt64(part))
        var (sent, written): ([UInt8], [UInt8]) = ([], [])
        for round in 0..<100 {
            let piece = seeded.bytes(1 + round * 7 % 300)
            sent += piece
            link.send(piece)
            switch round % 4 {
            case 0: link.server?.updateKeys(asking: false)
            case 1: link.server?.updateKeys(asking: true)
            case 2: link.server?.sendTicket()
            default: break
            }
            link.carryOut()
            while !link.underway.isEmpty { link.deliver(part) }
            if round % 3 == 0 {
                let piece = seeded.bytes(50)
                written += piece
                link.write(piece)
            }
        }
        link.exchange()
        #expect(link.recorder.bytes == sent && link.server?.received == written)
        #expect(link.recorder.ends.isEmpty && link.server?.failure == nil)
    }

    @Test("a flood of requests for new keys is bounded where the peer takes no answer")
    func flood() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        link.send("before")
        link.exchange()
        link.socket.takeOnly(0)
        var most = 0
        for _ in 0..<10_000 where link.recorder.ends.isEmpty {
            link.server?.updateKeys(asking: true)
            link.underway += link.server?.takeOutput() ?? []
            link.deliver()
            most = max(most, link.stream?.unsentBytes ?? 0)
        }
        guard case .closed(.tls(let failure)) = link.recorder.ends.first else {
            Issue.record("\(link.recorder.ends)")
            return
        }
        #expect(failure.detail.contains("key updates") && link.text == "before" && link.socket.isClosed)
        #expect((60_000...70_000).contains(most))
    }

    @Test("a peer that takes the answers may ask for new keys as often as it likes")
    func patient() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        for _ in 0..<3000 {
            link.server?.updateKeys(asking: true)
            link.exchange()
        }
        link.send("after")
        link.exchange()
        #expect(link.text == "after" && link.recorder.ends.isEmpty)
    }

    @Test("a flood of tickets is bounded to those that are kept")
    func ticketFlood() throws {
        let fixture = try TLSFixture(readSize: 256 * 1024)
        let link = try link(fixture)
        for _ in 0..<800 { link.server?.sendTicket() }
        link.exchange()
        link.send("after")
        link.exchange()
        #expect(link.text == "after")
        #expect((1...SessionCache.maxSessions).contains(fixture.tls.sessions.count))
    }

    @Test("a request to renegotiate is refused, and what came before it is whole")
    func renegotiation() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, .v1_2)
        link.send("all of it")
        link.server?.renegotiate()
        link.underway += link.server?.takeOutput() ?? []
        link.deliver()
        // No more than an alert goes out, and for the client nothing has happened.
        #expect(link.socket.receivedBytes.first == 21 && link.socket.receivedBytes.count < 50)
        #expect(link.text == "all of it" && link.recorder.ends.isEmpty && link.stream?.isOpen == true)
        link.write("a request")
        #expect(link.recorder.ends.isEmpty)
        // This origin gives up then.
        link.exchange()
        guard case .closed(.tls(let failure)) = link.recorder.ends.first else {
            Issue.record("\(link.recorder.ends)")
            return
        }
        #expect(failure.reason == .alert)
    }

    // MARK: Messages in parts

    /// A ticket that takes more than one record, as it holds the client's certificate, and those records are small.
    private func fragmentingLink(_ fixture: TLSFixture) throws -> TLSLink {
        var options = LibraryServer.Options(.v1_3)
        options.clientAuthority = fixture.certificates.root
        options.fragment = 512
        let identity = fixture.certificates.client
        let files = TLSProfile.Files(
            authorities: fixture.certificates.root, certificate: identity.certificate, key: identity.key)
        return try fixture.connect(
            LibraryServer(fixture.certificates.origin(), options), profile: TLSProfile(files: files))
    }

    @Test("what is written while only a part of a ticket has come goes out, at whatever byte it is split")
    func writeInTicket() throws {
        let fixture = try TLSFixture()
        let link = try fragmentingLink(fixture)
        var split = 0
        var length = Int.max
        var held = 0
        while split <= length {
            link.server?.sendTicket()
            link.carryOut()
            length = link.underway.count
            link.deliver(split)
            #expect(link.stream?.isSilent == true)
            link.write("request \(split) ")
            link.write(Array("in two".utf8), Array(" parts".utf8))
            let waits = link.stream?.isWritable == false
            if waits { held += 1 }
            #expect((link.stream?.unsentBytes ?? 0) == (waits ? "request \(split) in two parts".utf8.count : 0))
            let drains = link.recorder.drains
            link.deliver()
            #expect(link.stream?.isWritable == true && link.recorder.drains == drains + (waits ? 1 : 0))
            link.exchange()
            #expect(link.serverText.hasSuffix("request \(split) in two parts"), "split at \(split)")
            link.send("response")
            link.exchange()
            #expect(link.recorder.take() == Array("response".utf8) && link.recorder.ends.isEmpty)
            split += 1
        }
        // The test is about this.
        #expect(held > 0 && length > 600)
    }

    @Test(
        "ends that come while something waits for the rest of a ticket", arguments: ["output", "close", "FIN", "reset"])
    func endInTicket(how: String) throws {
        let fixture = try TLSFixture()
        let link = try fragmentingLink(fixture)
        link.server?.sendTicket()
        link.carryOut()
        link.deliver(600)
        link.write("the last words")
        #expect(link.stream?.isWritable == false)
        switch how {
        case "output":
            link.stream?.shutdownOutput()
            #expect(link.socket.ending == .none)
            link.write("too late")
        case "close": #expect(link.stream?.closeAfterOutput() == false)
        case "FIN":
            link.socket.end()
            fixture.turn()
            #expect(link.recorder.ends == [.input] && link.stream?.inputEndIsUnproven == true)
            return
        default:
            link.stream?.reset()
            #expect(link.socket.ending == .reset && link.recorder.ends.isEmpty)
            return
        }
        link.deliver()
        #expect(link.socket.ending == .fin)
        #expect(link.socket.isClosed == (how == "close"))
        #expect(link.recorder.ends == (how == "close" ? [.closed(.outputDone)] : []))
        link.exchange()
        #expect(link.serverText == "the last words" && link.server?.sawCloseNotify == true)
    }

    @Test("after the peer's end, nothing waits for the rest of a ticket", arguments: ["shut", "close"])
    func writeAfterEndInTicket(how: String) throws {
        let fixture = try TLSFixture()
        let link = try fragmentingLink(fixture)
        link.server?.sendTicket()
        link.carryOut()
        link.deliver(600)
        link.socket.end()
        fixture.turn()
        #expect(link.recorder.ends == [.input])
        link.write("the last words")
        #expect(link.stream?.isWritable == true && link.stream?.unsentBytes == 0)
        if how == "close" {
            #expect(link.stream?.closeAfterOutput() == true && link.socket.isClosed)
        } else {
            link.stream?.shutdownOutput()
            #expect(link.socket.ending == .fin)
        }
    }
}
