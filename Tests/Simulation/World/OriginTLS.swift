import ProxyTypes
import TLS

/// An origin's side of the scripted TLS: shakes hands as planned, checks what connd offers and sends, and passes plain
/// bytes on to the connection above it.
///
///     awaitingHello ─> answering ─> awaitingFinished ─> open ─> over
final class OriginTLS {
    private enum Phase {
        case awaitingHello
        /// Its flight goes out; what ends it then.
        case answering(Hello)
        case awaitingFinished(Hello)
        case open(Hello)
        /// It has failed, or refuses: no data may come.
        case failed
        /// It has ended its output: what comes crosses its end.
        case over
    }

    struct Hello {
        let peer: UInt32
        let context: UInt32
        let answer: ServerHello
        /// Whether connd's profile forbids this origin.
        let isForbidden: Bool
    }

    /// An alert behind the handshake.
    private enum Alert {
        case never, onItsWay(Sighting?), arrived
    }

    unowned(unsafe) let origin: OriginMachine
    unowned(unsafe) let world: World
    let socket: PeerSocket
    /// Held until the socket is closed.
    private var connection: OriginConnection?
    private let handshake: TLSPlan.Handshake
    private let plan: TLSPlan
    private var phase = Phase.awaitingHello
    private var reader = RecordReader()
    private var alert = Alert.never
    /// How much had been sent with close_notify.
    private var closeNotifyEnd: Int?
    /// What is left of it to send.
    private var flight: ArraySlice<UInt8> = []
    private(set) var hello: Hello?

    init(_ origin: OriginMachine, _ socket: PeerSocket, _ plan: TLSPlan, _ handshake: TLSPlan.Handshake) {
        self.origin = origin
        world = origin.world
        self.socket = socket
        self.plan = plan
        self.handshake = handshake
        world.tls.add(self)
        socket.owner = self
    }

    func begin(_ connection: OriginConnection) { self.connection = connection }

    var isOpen: Bool { socket.isOpen }

    /// close_notify or FIN has arrived at connd's host.
    var endHasArrived: Bool {
        if socket.finHasArrived { return true }
        return closeNotifyEnd.map { socket.arrivedBytes >= $0 } ?? false
    }

    private func note(_ text: @autoclosure () -> String) {
        world.network.trace.note(world.network.name(of: socket.local)) { "\(text()), for \(socket.remote.port)" }
    }

    private func after(_ delay: Interval, _ work: @escaping (OriginTLS) -> Void) {
        world.after(delay) { if self.socket.isOpen { work(self) } }
    }

    /// Nothing is passed on any more.
    func letGo() {
        connection = nil
        phase = .over
    }

    // MARK: The handshake

    private func received(hello payload: ArraySlice<UInt8>) {
        let numbers = Records.numbers(in: payload)
        guard numbers.count == 3, Int(numbers[1]) < world.tls.peers.count else {
            return world.violated(.encrypted, "origin \(origin.index) got a malformed hello")
        }
        let profile = world.tls.peers[Int(numbers[1])].profile
        var answer = ServerHello(version: plan.version, isResumed: false, objection: nil, key: plan.key)
        switch handshake.fault {
        case .alert:
            note("refuses the handshake")
            fail()
            socket.send(Records.alert(40))
            return close(announced: false)
        case .silence: return fail()
        case .garbage:
            fail()
            return socket.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        case .badCertificate(let reason): answer.objection = reason
        case .otherKey: answer.key = plan.key &+ 1
        case .cut, .endsAtOnce, .speaksAtOnce, nil: break
        }
        if numbers[0] > 0, let facts = world.tls.offered(numbers[0], to: numbers[1], context: numbers[2]),
            resumes(numbers[0])
        {
            answer.isResumed = true
            answer.objection = nil
            answer.key = facts.key
        }
        let pins = profile.pins
        let isPinned = pins.isEmpty || ServerHello.pin(of: answer.key).map(pins.contains) ?? false
        let isForbidden =
            !isPinned || answer.objection != nil && profile.verification == .full
            || profile.minVersion == .v1_3 && answer.version == .v1_2
        let hello = Hello(peer: numbers[1], context: numbers[2], answer: answer, isForbidden: isForbidden)
        self.hello = hello
        note("shakes hands\(answer.isResumed ? " and resumes" : "") with context \(hello.context)")
        phase = .answering(hello)
        answerHello(hello)
    }

    private func resumes(_ session: UInt32) -> Bool {
        switch plan.resumption {
        case .always: true
        case .sometimes: session % 3 > 0
        case .never: false
        }
    }

    private func answerHello(_ hello: Hello) {
        var flight = Records.one(.serverHello, hello.answer.payload)
        if hello.answer.version == .v1_3 || hello.answer.isResumed {
            Records.append(.finished, [], to: &flight)
            if case .withHandshake = plan.ticketTime { flight += tickets(hello) }
        }
        send(flight, hello)
    }

    /// In parts, up to where it is cut.
    private func send(_ flight: [UInt8], _ hello: Hello) {
        guard case .cut(let place, let cut) = handshake.fault else {
            self.flight = flight[...]
            return sendPart(max(flight.count / max(handshake.writes, 1), 1), hello)
        }
        let limit = min(flight.count * place / 1000, flight.count - 1)
        socket.send(Array(flight[..<limit]))
        // Cut among the tickets, it is one that succeeds.
        let needed = Records.one(.serverHello, hello.answer.payload).count + Records.header
        phase = limit < needed ? .failed : .over
        switch cut {
        case .fin: close(announced: false)
        case .reset: reset()
        case .silence: break
        }
    }

    private func sendPart(_ size: Int, _ hello: Hello) {
        socket.send(Array(flight.prefix(size)))
        flight = flight.dropFirst(size)
        if !flight.isEmpty { return after(handshake.pause) { if !$0.flight.isEmpty { $0.sendPart(size, hello) } } }
        if case .answering = phase { phase = .awaitingFinished(hello) }
        switch handshake.fault {
        case .endsAtOnce: connection?.end(.fin)
        case .speaksAtOnce: connection?.end(.speak)
        case .cut, .alert, .silence, .garbage, .badCertificate, .otherKey, nil: break
        }
    }

    /// Behind the whole flight.
    private func push(_ records: [UInt8]) {
        if !flight.isEmpty {
            socket.send(Array(flight))
            flight = []
        }
        if !records.isEmpty { socket.send(records) }
    }

    private func fail() { phase = .failed }

    private func finished(_ hello: Hello) {
        phase = .open(hello)
        if hello.answer.version == .v1_2, !hello.answer.isResumed {
            var flight: [UInt8] = []
            switch plan.ticketTime {
            case .withHandshake, .after: flight = tickets(hello)
            case .withAnswers, .behindAnswers: break
            }
            Records.append(.finished, [], to: &flight)
            push(flight)
        } else if case .after(let delay) = plan.ticketTime {
            after(delay) { $0.sendTickets(hello) }
        }
        if !hello.isForbidden { connection?.restsIdle() }
    }

    private func sendTickets(_ hello: Hello) {
        guard case .open = phase else { return }
        let records = tickets(hello)
        guard let split = plan.ticketSplit, !records.isEmpty else { return push(records) }
        push(Records.one(.ticketStart, []))
        flight = records[...]
        after(split) { $0.push([]) }
    }

    /// An answer is out, and the connection is kept.
    func answered() {
        guard case .open(let hello) = phase, case .behindAnswers(let delay) = plan.ticketTime else { return }
        after(delay) { $0.sendTickets(hello) }
    }

    private func tickets(_ hello: Hello) -> [UInt8] {
        var records: [UInt8] = []
        for _ in 0..<plan.tickets {
            let number = world.tls.issue(
                TLSLedger.SessionFacts(
                    peer: hello.peer, context: hello.context, key: hello.answer.key,
                    isUsedOnce: plan.version == .v1_3))
            let lifetime = UInt32(clamping: plan.ticketLifetime.nanoseconds / 1_000_000)
            Records.append(.ticket, Records.bytes(of: number, lifetime), to: &records)
        }
        return records
    }

    // MARK: Records

    private func received(_ type: RecordType, _ payload: ArraySlice<UInt8>) {
        switch (phase, type) {
        case (.awaitingHello, .hello): received(hello: payload)
        case (.awaitingFinished(let hello), .finished): finished(hello)
        // It was let in before all of the flight was sent.
        case (.answering(let hello), .finished): finished(hello)
        case (.open(let hello), .data):
            if hello.isForbidden {
                world.violated(.encrypted, "origin \(origin.index), which connd must not trust, got data")
            }
            payload.withUnsafeBytes { connection?.received(socket, $0) }
        case (_, .alert) where payload.first == 0: inputEnded(socket)
        case (_, .alert):
            note("is refused with alert \(payload.first ?? 0)")
            connection?.resetNow()
        case (_, .keyUpdate), (.over, _): break
        case (.failed, .finished): break
        case (.awaitingHello, _), (.answering, _), (.awaitingFinished, _), (.open, _), (.failed, _):
            world.violated(.encrypted, "origin \(origin.index) got \(type) while \(phase)")
        }
    }

    // MARK: Alerts

    /// connd must not send the request again. The FIN follows when the alert has arrived.
    func sendAlert(for sighting: Sighting?) {
        push(Records.alert(80))
        phase = .over
        alert = .onItsWay(sighting)
    }

    /// Asks for new keys without end, and takes no answer.
    func flood() {
        socket.pauseReading()
        let record = Records.keyUpdate(asksForAnswer: true)
        var records: [UInt8] = []
        for _ in 0..<20_000 { records += record }
        push(records)
        phase = .over
    }
}

extension OriginTLS: OriginLine {
    func send(_ bytes: [UInt8]) {
        var records: [UInt8] = []
        if case .open(let hello) = phase, case .withAnswers = plan.ticketTime { records += tickets(hello) }
        if let updates = plan.keyUpdates {
            for _ in 0..<updates.perWrite {
                records += Records.keyUpdate(asksForAnswer: updates.askForAnswers)
            }
        }
        // Small ones at the start, so that a large message is not only overhead.
        var start = 0
        while start < bytes.count {
            let size = start < 100 * plan.recordSize ? plan.recordSize : Records.maxPayload
            let end = min(start + size, bytes.count)
            Records.append(.data, bytes[start..<end], to: &records)
            start = end
        }
        push(records)
    }

    private func sendCloseNotify() {
        switch phase {
        case .open, .awaitingFinished, .answering: break
        case .awaitingHello, .failed, .over: return
        }
        push(Records.alert(0))
        closeNotifyEnd = socket.sentBytes
        phase = .over
    }

    func shutdownOutput() {
        if case .open(let hello) = phase {
            push(Records.alert(0))
            closeNotifyEnd = socket.sentBytes
            phase = .open(hello)
        }
        socket.shutdownOutput()
    }

    func close() { close(announced: true) }

    func close(announced: Bool) {
        if announced { sendCloseNotify() }
        phase = .over
        guard announced, plan.endDelay > .zero else { return closeNow() }
        connection = nil
        after(plan.endDelay) { $0.closeNow() }
    }

    /// While answers to key updates come, closing would reset the connection.
    private func closeNow() {
        letGo()
        if plan.keyUpdates?.askForAnswers ?? false, !socket.isAtEnd { socket.shutdownOutput() } else { socket.close() }
    }

    func reset() {
        letGo()
        socket.reset()
    }

    func vanish() {
        letGo()
        socket.vanish()
    }

    func fallSilent() {
        letGo()
        socket.fallSilent()
    }
}

extension OriginTLS: PeerOwner {
    func connected(_ socket: PeerSocket) {}
    func connectFailed(_ socket: PeerSocket, _ code: CInt) {}

    func received(_ socket: PeerSocket, _ bytes: UnsafeRawBufferPointer) {
        reader.append(bytes)
        while socket.isOpen {
            switch reader.next() {
            case .incomplete: return
            case .record(let type, let payload): received(type, payload)
            case .nonsense:
                return world.violated(.encrypted, "origin \(origin.index) got bytes that are not encrypted")
            }
        }
    }

    func inputEnded(_ socket: PeerSocket) {
        guard let connection else {
            letGo()
            return socket.close()
        }
        connection.inputEnded(socket)
    }

    func wasReset(_ socket: PeerSocket) {
        let connection = connection
        letGo()
        connection?.wasReset(socket)
    }

    func outputTaken(_ socket: PeerSocket) {
        if case .onItsWay(let sighting) = alert {
            alert = .arrived
            sighting?.alertedAt = world.now
            note("has refused what it was asked")
            connection?.close()
            return
        }
        connection?.outputTaken(socket)
    }
}
