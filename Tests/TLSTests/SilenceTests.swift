import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import Testing

@testable import TLS

/// Asked before a request is sent that must not be sent twice.
@Suite("TLS: silence")
struct SilenceTests {
    private func link(_ fixture: TLSFixture, _ version: LibraryServer.Version = .v1_3) throws -> TLSLink {
        try fixture.connect(LibraryServer(fixture.certificates.origin(), .init(version)))
    }

    /// Puts what is underway where the kernel has it and the loop has not read it.
    private func arrive(_ link: TLSLink, _ count: Int = .max) {
        link.carryOut()
        let bytes = Array(link.underway.prefix(count))
        link.underway.removeFirst(bytes.count)
        if !bytes.isEmpty { link.socket.send(bytes) }
    }

    @Test(
        "what is not for the handler leaves a connection silent, and working",
        arguments: ["nothing", "a ticket", "many tickets", "new keys", "new keys for both", "half a ticket"])
    func silent(what: String) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        for round in 0..<3 {
            switch what {
            case "a ticket": link.server?.sendTicket()
            case "many tickets": for _ in 0..<500 { link.server?.sendTicket() }
            case "new keys": link.server?.updateKeys(asking: false)
            case "new keys for both": link.server?.updateKeys(asking: true)
            case "half a ticket":
                link.server?.sendTicket()
                arrive(link, 100)
            default: break
            }
            if what != "half a ticket" { arrive(link) }
            #expect(link.stream?.isSilent == true, "round \(round)")
            #expect(link.stream?.isSilent == true, "round \(round)")
            link.write("request \(round)")
            link.exchange()
            link.send("response \(round)")
            link.exchange()
            #expect(link.serverText.hasSuffix("request \(round)"), "round \(round)")
            #expect(link.recorder.take() == Array("response \(round)".utf8), "round \(round)")
        }
        #expect(link.recorder.ends.isEmpty && link.server?.failure == nil)
    }

    @Test(
        "anything else does not, and is not told from within",
        arguments: [
            "data", "data behind a ticket", "close_notify", "FIN", "reset", "alert", "garbage", "FIN behind a ticket",
        ])
    func noise(what: String) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        switch what {
        case "data": link.send("HTTP/1.1 408 Request Timeout\r\n")
        case "data behind a ticket":
            link.server?.sendTicket()
            link.send("HTTP/1.1 408 Request Timeout\r\n")
        case "close_notify": link.server?.sendCloseNotify()
        case "FIN": link.socket.end()
        case "reset": link.socket.reset()
        case "alert": link.underway = [21, 3, 3, 0, 2, 2, 40]
        case "garbage": link.underway = [1, 2, 3, 4, 5, 6, 7, 8]
        default:
            link.server?.sendTicket()
            arrive(link)
            link.socket.end()
        }
        arrive(link)
        #expect(link.stream?.isSilent == false)
        #expect(link.stream?.isSilent == false)
        #expect(link.recorder.pieces.isEmpty && link.recorder.ends.isEmpty)
        // What was looked at is not handed on later, so neither is what would come behind it.
        link.send("the rest of it")
        link.exchange()
        fixture.turn()
        #expect(link.recorder.pieces.isEmpty && link.recorder.ends.count == 1)
        switch (what, link.recorder.ends.first) {
        case ("FIN", .input), ("FIN behind a ticket", .input): #expect(link.stream?.inputEndIsUnproven == true)
        case ("close_notify", .input): #expect(link.stream?.inputEndIsUnproven == false)
        case ("reset", .closed(.failure)), ("data", .closed(.tls)), ("data behind a ticket", .closed(.tls)),
            ("alert", .closed(.tls)), ("garbage", .closed(.tls)):
            break
        default: Issue.record("\(link.recorder.ends)")
        }
    }

    @Test("data for a handler that has paused is no silence, and is kept")
    func paused() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        link.stream?.pauseReading()
        link.send("a response")
        link.deliver()
        #expect(link.stream?.isSilent == false)
        link.stream?.resumeReading()
        fixture.turn()
        #expect(link.text == "a response" && link.recorder.ends.isEmpty)
    }

    @Test("the session of a ticket that was found so is kept")
    func sessionKept() throws {
        let fixture = try TLSFixture()
        var options = LibraryServer.Options(.v1_3)
        options.tickets = 0
        let link = try fixture.connect(LibraryServer(fixture.certificates.origin(), options))
        #expect(fixture.tls.sessions.count == 0)
        link.server?.sendTicket()
        arrive(link)
        #expect(link.stream?.isSilent == true && fixture.tls.sessions.count == 1)
    }

    /// Asks what it is told to in the middle of receiving, and compares what it has received before and after.
    private final class Asking: StreamHandler {
        let ask: () -> Void
        private(set) var wasOverwritten = false
        private(set) var count = 0

        init(_ ask: @escaping () -> Void) { self.ask = ask }

        func received(_ bytes: UnsafeRawBufferPointer) {
            let before = Array(bytes)
            ask()
            count += before.count
            if Array(bytes) != before { wasOverwritten = true }
        }
        func inputEnded() {}
        func closed(_ cause: StreamEnd) {}
        func outputDrained() {}
        func connected() {}
    }

    @Test(
        "asking leaves the bytes alone that another stream is handing on", arguments: [false, true], [false, true])
    func otherStream(encrypted: Bool, withData: Bool) throws {
        let fixture = try TLSFixture()
        let asked = try link(fixture)
        let other = try link(fixture)
        var wasSilent: Bool?
        let handler = Asking { wasSilent = asked.stream?.isSilent }
        let request = [UInt8](repeating: UInt8(ascii: "r"), count: 3000)
        // Comes first in the round in which both have something.
        if encrypted {
            other.stream?.handler = handler
            other.send(request)
            arrive(other)
        } else {
            let socket = fixture.kernel.makePeer()
            let stream = try TCPStream(socket.descriptor, reactor: fixture.reactor, handler: handler)
            socket.send(request)
            #expect(stream.isOpen)
        }
        for _ in 0..<20 { asked.server?.sendTicket() }
        if withData { asked.send([UInt8](repeating: UInt8(ascii: "x"), count: 3000)) }
        arrive(asked)
        fixture.turn()
        #expect(wasSilent == !withData && handler.count == 3000 && !handler.wasOverwritten)
    }
}
