import ProxyTypes

/// Sends one answer: head and body as planned, in parts, up to its end or to the fault that cuts it.
final class OriginAnswer {
    private let sighting: Sighting
    private let plan: AnswerPlan
    private let connection: OriginConnection
    private var world: World { connection.world }
    private var request: RequestPlan { sighting.account.request }
    private var bytes: [UInt8] = []
    private var limit = 0
    private var offset = 0
    private var interimLeft: Int

    init(_ sighting: Sighting, on connection: OriginConnection) {
        self.sighting = sighting
        self.connection = connection
        plan = sighting.plan
        interimLeft = plan.interim
    }

    private func after(_ delay: Interval, _ work: @escaping (OriginAnswer) -> Void) {
        world.after(delay) { work(self) }
    }

    func start() { after(plan.delay) { $0.sendInterim() } }

    private func sendInterim() {
        guard connection.socket.isOpen else { return }
        while interimLeft > 0 {
            interimLeft -= 1
            let status = request.expectsContinue ? "100 Continue" : "103 Early Hints"
            connection.socket.send(
                Array("HTTP/1.1 \(status)\r\nX-Nonce: \(request.nonce)\r\nX-Attempt: \(sighting.attempt)\r\n\r\n".utf8))
        }
        begin()
    }

    private func begin() {
        guard connection.socket.isOpen else { return }
        guard connection.mayAnswer(sighting) else { return awaitRequest() }
        if case .upgrade(let tunnel) = request.kind, plan.status == 101 { return upgrade(tunnel) }
        let isLast = isLast
        bytes = head(isLast: isLast) + body()
        limit = bytes.count
        if let fault = plan.fault {
            if case .garbage = fault.kind { return sendGarbage(at: fault.at) }
            limit = min(bytes.count * fault.at / 1000, bytes.count - 1)
        }
        sighting.answer = .begun
        sendPart()
    }

    /// Not for ever: where the path has fallen silent, the rest of the request never comes, nor the connection's end.
    private func awaitRequest() {
        let waited = world.now - sighting.at
        guard waited < .minutes(20) else { return }
        after(waited < .seconds(10) ? .milliseconds(2) : .seconds(1)) { $0.begin() }
    }

    private func upgrade(_ tunnel: TunnelPlan) {
        sighting.answer = .whole
        connection.socket.send(
            Array("\(headStart("101 Switching Protocols"))Connection: upgrade\r\nUpgrade: simulation\r\n\r\n".utf8))
        connection.becomeTunnel(sighting.account, tunnel, attempt: sighting.attempt)
    }

    private func sendPart() {
        guard connection.socket.isOpen else { return }
        let end = min(offset + max(bytes.count / max(plan.writes, 1), 1), limit)
        let part = Array(bytes[offset..<end])
        offset = end
        if end == bytes.count, plan.framing != .untilClose { sighting.answer = .whole }
        if !part.isEmpty { connection.socket.send(part) }
        if end < limit { return after(plan.pause) { $0.sendPart() } }
        if let fault = plan.fault, end < bytes.count { return cut(fault.kind) }
        finish()
    }

    private func finish() {
        // If the end of the connection ends the answer, that is a FIN behind the last byte, with TLS behind close_notify.
        let isUnproven = plan.framing == .untilClose && plan.endsUnannounced && connection.tls != nil
        sighting.answer = isUnproven ? .cut : .whole
        if plan.speaksOn { connection.speakUnasked() }
        connection.answered(sighting, isLast: isLast || plan.ending == .close)
    }

    private func cut(_ kind: AnswerPlan.Fault.Kind) {
        sighting.answer = .cut
        switch kind {
        case .fin, .garbage:
            // If the end of the connection ends the body, a FIN makes the cut answer whole, and with TLS close_notify.
            connection.close(announced: plan.framing != .untilClose && !plan.endsUnannounced)
        case .reset: connection.resetNow()
        case .vanish:
            connection.vanish()
            connection.origin.forget(connection)
        case .silence: connection.fallSilent()
        case .stall: connection.stopListening()
        case .alert: connection.alert(for: sighting)
        case .flood: connection.flood()
        }
    }

    /// Bytes that are neither a head nor a chunk size.
    private func sendGarbage(at place: Int) {
        sighting.answer = .cut
        var out: [UInt8] = []
        if place > 0, plan.framing == .chunked {
            let content = Content.bytes(
                request.nonce, .origin(attempt: sighting.attempt), 0..<(plan.size * place / 1000))
            out = head(isLast: false) + Chunking.encode(content, trailer: nil).dropLast(5)
        }
        out += "zz no HTTP\n\n".utf8
        connection.socket.send(out)
        connection.stopListening()
    }

    // MARK: The message

    private var isLast: Bool {
        if plan.framing == .untilClose || plan.ending == .sayClose { return true }
        return connection.origin.plan.maxAnswers.map { connection.answers + 1 >= $0 } ?? false
    }

    private func headStart(_ status: String) -> String {
        "HTTP/1.1 \(status)\r\nX-Nonce: \(request.nonce)\r\nX-Attempt: \(sighting.attempt)\r\n"
    }

    private func head(isLast: Bool) -> [UInt8] {
        var head = headStart("\(plan.status) Planned")
        if plan.challenges { head += "WWW-Authenticate: NTLM\r\n" }
        if isLast { head += "Connection: close\r\n" }
        if let hint = connection.origin.plan.keepAliveHint, !isLast { head += "Keep-Alive: timeout=\(hint)\r\n" }
        switch plan.framing {
        case .length: head += "Content-Length: \(plan.size)\r\n"
        case .chunked: head += "Transfer-Encoding: chunked\r\n"
        case .untilClose, .none: break
        }
        return Array((head + "\r\n").utf8)
    }

    private func body() -> [UInt8] {
        if request.verb == .head || plan.framing == .none { return [] }
        let content = Content.bytes(request.nonce, .origin(attempt: sighting.attempt), 0..<plan.size)
        guard plan.framing == .chunked else { return content }
        return Chunking.encode(content, trailer: plan.hasTrailers ? "X-Trailer: \(request.nonce)" : nil)
    }
}
