import ProxyTypes
import Reactor
import ReactorTestSupport
import TLS

/// What bytes tell a connection and its origin to do: how records are cut, split, merged, paused and ended. Whatever they
/// say, what one side receives is the beginning of what the other has sent, and all of it where that is proven. Loop-bound.
package final class RecordScript {
    private let fixture: TLSFixture
    private let link: TLSLink
    private var input: ArraySlice<UInt8>
    private var broken: String?

    /// What the origin has sent, and how much of it was found to have been received.
    private var sent: [UInt8] = []
    private var checked = 0
    /// What connd has sent, and how much of it was found to have been received.
    private var written: [UInt8] = []
    private var writtenChecked = 0
    private var writes = 0
    private var keyRequests = 0
    private var isPaused = false
    private var pausesNext = false
    private var origin = Origin.open
    private var ours = Ours.open

    private enum Origin {
        case open
        /// close_notify is on its way.
        case announced
        /// Bytes that were on their way are lost; whether there were any.
        case ended(cut: Bool)
        case reset
    }

    private enum Ours {
        case open, shut, closing
        /// Nothing is looked at any more.
        case gone
    }

    /// The rule that was broken; nil where all hold. The fixture may have been used for another script before, whose
    /// sessions are resumed.
    package static func ruleBroken(by input: [UInt8], in fixture: TLSFixture, _ servers: Servers) throws -> String? {
        guard let first = input.first else { return nil }
        let script = try RecordScript(input.dropFirst(), fixture, servers, first)
        return script.play()
    }

    /// Origins of both versions, each with large and small records and tickets. Loop-bound.
    package struct Servers {
        fileprivate let all: [LibraryServer]

        package init(_ certificates: TestCertificates) throws {
            all = try [LibraryServer.Version.v1_2, .v1_3].flatMap { version in
                try [16_384, 512].map { fragment in
                    var options = LibraryServer.Options(version)
                    options.fragment = fragment
                    // Its tickets hold the client's certificate then, which takes more than one of the small records.
                    if fragment == 512 { options.clientAuthority = certificates.root }
                    return try LibraryServer(certificates.origin(), options)
                }
            }
        }
    }

    private init(_ input: ArraySlice<UInt8>, _ fixture: TLSFixture, _ servers: Servers, _ first: UInt8) throws {
        self.input = input
        self.fixture = fixture
        let identity = fixture.certificates.client
        var profile = fixture.profile
        profile.files.certificate = identity.certificate
        profile.files.key = identity.key
        let which = Int(first) % servers.all.count
        let endpoint = Endpoint(address: TLSFixture.address.address, port: UInt16(1000 + which))
        link = try fixture.connect(servers.all[which], at: endpoint, profile: profile)
        link.recorder.onReceive = { [unowned self] _ in received() }
    }

    private func received() {
        if isPaused { fail("bytes were handed on while reading was paused") }
        if !link.recorder.ends.isEmpty { fail("bytes were handed on behind the end") }
        guard pausesNext else { return }
        pausesNext = false
        pause()
    }

    private func fail(_ rule: String) {
        if broken == nil { broken = rule }
    }

    private func next() -> Int { input.popFirst().map(Int.init) ?? 0 }

    /// Mostly little, sometimes much.
    private func amount() -> Int {
        let byte = next()
        return byte < 200 ? byte : (byte - 199) * 700
    }

    private func pattern(_ start: Int, _ count: Int) -> [UInt8] {
        (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    }

    // MARK: Playing

    private func play() -> String? {
        while broken == nil, !input.isEmpty {
            step(next())
            check()
            if case .gone = ours { break }
        }
        if broken == nil { finish() }
        link.stream?.close()
        fixture.turn()
        return broken
    }

    private func step(_ byte: Int) {
        switch byte % 16 {
        case 0, 1: send(amount())
        case 2: for _ in 0..<next() % 40 { send(1) }
        case 3, 4: link.deliver(amount())
        case 5: link.deliver()
        case 6: for _ in 0..<next() { link.deliver(1) }
        case 7: byte & 16 == 0 ? pause() : resume()
        case 8: pausesNext = true
        case 9: write(amount())
        case 10: byte & 16 == 0 ? link.socket.takeOnly(amount()) : link.socket.takeAll()
        case 11:
            fixture.turn()
            link.carryOut()
        case 12: updateKeys(asking: byte & 16 == 0)
        case 13: if case .open = origin, link.server?.version == .v1_3 { link.server?.sendTicket() }
        case 14: if byte > 127 { end(byte % 3) }
        default: ask(byte >> 4)
        }
        link.carryOut()
    }

    private func send(_ count: Int) {
        guard case .open = origin, sent.count < 500_000 else { return }
        let bytes = pattern(sent.count, count)
        sent += bytes
        link.send(bytes)
    }

    private func write(_ count: Int) {
        guard case .open = ours, written.count < 500_000 else { return }
        let bytes = pattern(written.count, count)
        written += bytes
        writes += 1
        let middle = bytes.count / 3
        if count % 2 == 0 { link.write(bytes) } else { link.write(Array(bytes[..<middle]), Array(bytes[middle...])) }
    }

    /// Fewer than would be too many.
    private func updateKeys(asking: Bool) {
        guard case .open = origin, link.server?.version == .v1_3, keyRequests < 1000 else { return }
        keyRequests += 1
        link.server?.updateKeys(asking: asking)
    }

    private func pause() {
        isPaused = true
        link.stream?.pauseReading()
    }

    private func resume() {
        isPaused = false
        link.stream?.resumeReading()
    }

    private func end(_ how: Int) {
        switch (how, origin) {
        case (0, .open):
            origin = .announced
            link.server?.sendCloseNotify()
        case (1, .open), (1, .announced):
            link.carryOut()
            origin = .ended(cut: isAnnounced ? !link.underway.isEmpty : true)
            link.underway = []
            link.socket.end()
        case (2, .open), (2, .announced):
            origin = .reset
            link.underway = []
            link.socket.reset()
        default: break
        }
    }

    private var isAnnounced: Bool {
        switch origin {
        case .announced: true
        case .open, .ended, .reset: false
        }
    }

    private func ask(_ what: Int) {
        switch (what, ours) {
        case (0..<12, .open):
            let pieces = link.recorder.pieces.count
            let ends = link.recorder.ends.count
            let isSilent = link.stream?.isSilent == true
            if link.recorder.pieces.count != pieces || link.recorder.ends.count != ends {
                fail("the handler was told something while the stream was asked")
            }
            // As the pool does with it.
            if !isSilent { ours = .gone }
        case (12, .open):
            ours = .shut
            link.stream?.shutdownOutput()
        case (13, .open), (13, .shut):
            ours = .closing
            if link.stream?.closeAfterOutput() == true, link.stream?.isOpen == true { fail("closed, and open") }
        default: break
        }
    }

    // MARK: Rules

    private func check() {
        let (received, taken) = (link.recorder.bytes, link.server?.received ?? [])
        if received.count > sent.count || received[checked...] != sent[checked..<received.count] {
            fail("connd received at \(checked) what was not sent")
        }
        checked = received.count
        if taken.count > written.count || taken[writtenChecked...] != written[writtenChecked..<taken.count] {
            fail("the origin received at \(writtenChecked) what was not sent")
        }
        writtenChecked = taken.count
        guard let stream = link.stream, stream.isOpen else { return }
        if stream.isWritable != (stream.unsentBytes == 0) { fail("writable with \(stream.unsentBytes) bytes waiting") }
        // What records add.
        let most = written.count + written.count / 100 + writes * 60 + keyRequests * 40 + 100
        if stream.unsentBytes > most { fail("\(stream.unsentBytes) bytes wait of \(written.count)") }
    }

    /// Everything arrives that has not been lost.
    private func finish() {
        pausesNext = false
        resume()
        link.socket.takeAll()
        link.exchange()
        for _ in 0..<4 { link.exchange() }
        check()
        if let failure = link.server?.failure { return fail("the origin failed: \(failure)") }
        if case .gone = ours { return }
        let ends = link.recorder.ends
        switch (origin, ours) {
        case (_, .closing), (_, .gone):
            if link.stream?.isOpen != false { fail("not closed: \(ends)") }
            return
        case (.open, .open), (.open, .shut): if !ends.isEmpty { fail("ended by itself: \(ends)") }
        case (.announced, .open), (.announced, .shut), (.ended(cut: false), .open), (.ended(cut: false), .shut):
            if ends != [.input] || link.stream?.inputEndIsUnproven != false { fail("no proven end: \(ends)") }
        case (.ended(cut: true), .open), (.ended(cut: true), .shut):
            if ends != [.input] || link.stream?.inputEndIsUnproven != true { fail("no unproven end: \(ends)") }
            return
        case (.reset, _):
            guard case .closed(.failure) = ends.last else { return fail("no reset: \(ends)") }
            return
        }
        let (received, taken) = (link.recorder.bytes.count, link.server?.received.count ?? 0)
        if received != sent.count { fail("connd received \(received) bytes of \(sent.count)") }
        if taken != written.count { fail("the origin received \(taken) bytes of \(written.count)") }
        if case .shut = ours, link.server?.sawCloseNotify != true { fail("no close_notify from connd") }
    }
}
