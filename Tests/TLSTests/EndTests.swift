import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import Testing

@testable import TLS

#if canImport(Glibc)
    import Glibc
#endif

@Suite("TLS: the end")
struct EndTests {
    static let versions: [LibraryServer.Version] = [.v1_2, .v1_3]

    private func server(_ fixture: TLSFixture, _ version: LibraryServer.Version) throws -> LibraryServer {
        try LibraryServer(fixture.certificates.origin(), .init(version))
    }

    private func link(_ fixture: TLSFixture, _ version: LibraryServer.Version = .v1_3) throws -> TLSLink {
        try fixture.connect(server(fixture, version))
    }

    // MARK: Cut responses

    private enum Arrival: CaseIterable {
        /// The end of the connection comes with the last bytes, after them, or while reading is paused.
        case together, apart, paused
    }

    @Test(
        "a response that is cut behind any byte ends without proof, and one with close_notify with it",
        arguments: versions, [false, true])
    func cut(version: LibraryServer.Version, announced: Bool) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        let parts = ["HTTP/1.1 200 OK\r\n\r\n", "a", " body"]
        var cut = 0
        var length = Int.max
        while cut <= length {
            for arrival in Arrival.allCases {
                let link = try fixture.connect(server)
                // How much is there to be read when so many bytes have come.
                var ends: [(bytes: Int, text: String)] = [(0, "")]
                for part in parts {
                    link.send(part)
                    ends.append((link.underway.count, (ends.last?.text ?? "") + part))
                }
                if announced {
                    link.server?.sendCloseNotify()
                    link.carryOut()
                }
                length = link.underway.count
                switch arrival {
                case .together:
                    link.socket.send(Array(link.underway.prefix(cut)))
                    link.socket.end()
                case .apart:
                    link.deliver(cut)
                    link.socket.end()
                case .paused:
                    link.stream?.pauseReading()
                    link.deliver(cut)
                    link.socket.end()
                    fixture.turn()
                    #expect(link.recorder.ends.isEmpty && link.text.isEmpty)
                    link.stream?.resumeReading()
                }
                fixture.turn()
                #expect(link.text == ends.last { $0.bytes <= cut }?.text, "\(cut) of \(length)")
                #expect(link.recorder.ends == [.input], "\(cut) of \(length)")
                let isProven = announced && cut == length
                #expect(link.stream?.inputEndIsUnproven == !isProven, "\(cut) of \(length)")
                #expect(link.stream?.isOpen == true && link.stream?.inputHasEnded == true)
                link.stream?.close()
            }
            cut += 1
        }
        #expect(length > 80)
    }

    @Test("a response that is cut by a reset behind any byte fails", arguments: versions)
    func reset(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        var cut = 0
        var length = Int.max
        while cut <= length {
            let link = try fixture.connect(server)
            link.send("a body")
            length = link.underway.count
            link.deliver(cut)
            link.socket.reset()
            fixture.turn()
            #expect(link.recorder.ends == [.closed(.failure(ECONNRESET))])
            #expect(link.text == (cut == length ? "a body" : "") && link.stream?.isOpen == false)
            cut += 1
        }
    }

    @Test("what comes behind close_notify is ignored, and output goes on", arguments: versions)
    func lateBytes(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        link.send("all of it")
        let again = link.underway
        link.server?.sendCloseNotify()
        link.carryOut()
        link.underway += again
        link.deliver()
        link.underway = again + [1, 2, 3]
        link.deliver()
        #expect(link.text == "all of it" && link.recorder.ends == [.input])
        link.write("still here")
        link.exchange()
        #expect(link.serverText == "still here")
        link.socket.end()
        fixture.turn()
        #expect(link.recorder.ends == [.input] && link.stream?.inputEndIsUnproven == false)
    }

    @Test("a connection that ends while it is idle ends without proof")
    func idleEnd() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        link.socket.end()
        fixture.turn()
        #expect(link.recorder.ends == [.input] && link.stream?.inputEndIsUnproven == true)
    }

    @Test("a record that was tampered with breaks the connection behind what came before it", arguments: versions)
    func tampered(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        for byte in 0..<34 {
            let link = try fixture.connect(server)
            link.send("good")
            let start = link.underway.count
            link.send("evil record.")
            link.underway[start + byte] ^= 0x40
            link.send("and more")
            link.deliver()
            link.socket.end()
            fixture.turn()
            #expect(link.text == "good", "byte \(byte)")
            switch link.recorder.ends.first {
            // A length that was made greater waits for more.
            case .input where byte == 3 || byte == 4: #expect(link.stream?.inputEndIsUnproven == true)
            case .closed(.tls(let failure)): #expect(failure.reason == .malformed, "byte \(byte): \(failure)")
            default: Issue.record("byte \(byte): \(link.recorder.ends)")
            }
            #expect(link.recorder.ends.count == 1)
            link.stream?.close()
        }
    }

    @Test("a failure is told also where reading is paused, once it goes on")
    func pausedFailure() throws {
        let fixture = try TLSFixture()
        let link = try link(fixture)
        link.recorder.onReceive = { _ in link.stream?.pauseReading() }
        link.send("good")
        link.underway += [23, 3, 3, 0, 20] + [UInt8](repeating: 7, count: 20)
        link.deliver()
        #expect(link.text == "good" && link.recorder.ends.isEmpty && link.stream?.isOpen == true)
        link.write("into the void")
        link.stream?.resumeReading()
        fixture.turn()
        guard case .closed(.tls) = link.recorder.ends.first else {
            Issue.record("\(link.recorder.ends)")
            return
        }
        #expect(link.stream?.isOpen == false && link.recorder.ends.count == 1)
    }

    // MARK: Our end

    @Test("the end of output is close_notify and then a FIN, behind what waits", arguments: versions, [false, true])
    func shutdown(version: LibraryServer.Version, waiting: Bool) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        if waiting { link.socket.takeOnly(0) }
        link.write("the last words")
        link.stream?.shutdownOutput()
        link.stream?.shutdownOutput()
        if waiting {
            #expect(link.socket.ending == .none && link.socket.receivedBytes.isEmpty)
            #expect(link.stream?.outputIsShut == false)
            link.socket.takeAll()
            fixture.turn()
        }
        #expect(link.socket.isHalfClosed && link.stream?.outputIsShut == true)
        link.exchange()
        #expect(link.serverText == "the last words" && link.server?.sawCloseNotify == true)
        #expect(link.server?.failure == nil)
    }

    @Test("input goes on behind our end of output, and what is written then is ignored", arguments: versions)
    func afterShutdown(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        link.stream?.shutdownOutput()
        link.write("too late")
        link.write([1], [2])
        link.exchange()
        link.send("a response")
        link.server?.sendCloseNotify()
        link.exchange()
        #expect(link.text == "a response" && link.recorder.ends == [.input])
        #expect(link.stream?.inputEndIsUnproven == false && link.serverText.isEmpty)
    }

    @Test("a polite close sends close_notify, at once or behind what waits", arguments: versions)
    func closeAfterOutput(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let atOnce = try link(fixture, version)
        atOnce.write("the last words")
        #expect(atOnce.stream?.closeAfterOutput() == true)
        #expect(atOnce.socket.isClosed && atOnce.stream?.isOpen == false)
        let later = try link(fixture, version)
        later.socket.takeOnly(0)
        later.write("the last words")
        #expect(later.stream?.closeAfterOutput() == false)
        #expect(!later.socket.isClosed)
        later.socket.takeAll()
        fixture.turn()
        #expect(later.recorder.ends == [.closed(.outputDone)] && later.socket.isClosed)
        for link in [atOnce, later] {
            link.exchange()
            #expect(link.serverText == "the last words" && link.server?.sawCloseNotify == true)
            #expect(link.socket.ending == .fin)
        }
        #expect(atOnce.recorder.ends.isEmpty)
    }

    @Test("a close tells the handler nothing, and a reset is one")
    func close() throws {
        let fixture = try TLSFixture()
        for isReset in [false, true] {
            let link = try link(fixture)
            link.send("never read")
            if isReset { link.stream?.reset() } else { link.stream?.close() }
            link.deliver()
            #expect(link.socket.isClosed && link.stream?.isOpen == false)
            #expect(link.socket.ending == (isReset ? .reset : .fin))
            #expect(link.recorder.ends.isEmpty && link.text.isEmpty)
            link.write("ignored")
            #expect(link.stream?.closeAfterOutput() == true)
        }
    }

    @Test("a handler may close from within what it receives", arguments: versions)
    func closeFromWithin(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let link = try link(fixture, version)
        link.recorder.onReceive = { _ in link.stream?.close() }
        for _ in 0..<3 { link.send("x") }
        link.server?.sendCloseNotify()
        link.carryOut()
        link.socket.send(link.underway)
        link.socket.end()
        fixture.turn()
        #expect(link.text == "xxx" && link.recorder.ends.isEmpty && link.socket.isClosed)
    }

    // MARK: Sessions

    @Test(
        "sessions can be resumed however the connection that brought them ended", arguments: versions,
        ["closed", "closed after output", "reset", "FIN", "close_notify", "reset by the origin"])
    func sessions(version: LibraryServer.Version, end: String) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        for round in 0..<3 {
            let link = try fixture.connect(server)
            #expect(link.info?.isResumed == (round > 0), "round \(round)")
            #expect(link.server?.isResumed == (round > 0), "round \(round)")
            link.send("something")
            link.exchange()
            switch end {
            case "closed": link.stream?.close()
            case "closed after output": _ = link.stream?.closeAfterOutput()
            case "reset": link.stream?.reset()
            case "FIN": link.socket.end()
            case "close_notify":
                link.server?.sendCloseNotify()
                link.exchange()
            default: link.socket.reset()
            }
            fixture.turn()
            link.stream?.close()
        }
    }
}
