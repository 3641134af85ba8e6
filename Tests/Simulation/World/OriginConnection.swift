import ProxyTypes

/// One connection at an origin: reads requests, checks them, and answers them in order.
final class OriginConnection {
    private enum Input {
        case betweenRequests
        case request(Sighting, received: Int)
        /// The rest is ignored.
        case ignored
        case tunnel(TunnelEnd)
    }

    unowned(unsafe) let origin: OriginMachine
    unowned(unsafe) let world: World
    let number: Int
    let socket: any OriginLine
    let tls: OriginTLS?
    let dialledAt: Instant
    private let isTunnel: Bool
    private var input = Input.betweenRequests
    private var reader = StrictReader()
    /// Requests that are not answered yet; the first one is being answered.
    private var queue: [Sighting] = []
    private var answering: OriginAnswer?
    private var isOver = false
    private(set) var answers = 0
    /// The client connection whose credentials are bound to this one.
    private var login: String?
    /// Incremented by every request, so that the timers of an earlier idle time do nothing.
    private var idleTurn = 0
    /// It was asked to log in, and is yet to answer.
    private var isChallenged = false
    private var unsolicited = Unsolicited.never

    /// Whether it has sent unsolicited bytes, and whether they have arrived.
    private enum Unsolicited {
        case never, onItsWay, arrived
    }

    init(_ origin: OriginMachine, _ socket: PeerSocket, _ tls: OriginTLS?, number: Int, isTunnel: Bool) {
        self.origin = origin
        world = origin.world
        self.socket = tls ?? socket
        self.tls = tls
        dialledAt = socket.dialledAt
        self.number = number
        self.isTunnel = isTunnel
    }

    var isIdle: Bool {
        guard !isTunnel, !isOver, queue.isEmpty, case .betweenRequests = input else { return false }
        return reader.isBetweenMessages
    }

    // MARK: Between requests

    func restsIdle() {
        idleTurn += 1
        let turn = idleTurn
        var ends: [(Interval, IdleEnd.Manner)] = []
        if let end = origin.plan.idleEnd { ends.append((end.after, end.manner)) }
        if let hint = origin.plan.keepAliveHint, answers > 0 { ends.append((.seconds(Int64(hint)), .fin)) }
        for (delay, manner) in ends where !isTunnel {
            world.after(delay) {
                guard self.idleTurn == turn, self.isIdle else { return }
                self.end(manner)
            }
        }
    }

    func end(_ manner: IdleEnd.Manner) {
        guard !isOver else { return }
        switch manner {
        case .fin, .closeNotify: close(announced: origin.plan.tls?.announcesEnds ?? true)
        case .finAlone: close(announced: false)
        case .alert: alert(for: nil)
        case .reset:
            isOver = true
            socket.reset()
            origin.forget(self)
        case .vanish:
            vanish()
            origin.forget(self)
        case .silence: fallSilent()
        case .speak:
            // As some servers do before they close an idle connection.
            speakUnasked()
            stopListening()
            world.after(.milliseconds(200)) { self.close() }
        }
    }

    func speakUnasked() {
        unsolicited = .onItsWay
        let head =
            "HTTP/1.1 408 Request Timeout\r\nX-Nonce: 0\r\nX-Connection: \(number)\r\nConnection: close\r\n"
        socket.send(Array("\(head)Content-Length: 0\r\n\r\n".utf8))
    }

    func vanish() {
        isOver = true
        cutAll()
        socket.vanish()
    }

    func fallSilent() {
        isOver = true
        cutAll()
        socket.fallSilent()
        origin.forget(self)
    }

    private func cutAll() {
        answering = nil
        if case .tunnel(let tunnel) = input { tunnel.letGo() }
        for sighting in queue {
            if case .begun = sighting.answer { sighting.answer = .cut }
            if case .arriving = sighting.request { sighting.request = .cut }
        }
        if case .request(let sighting, _) = input, case .arriving = sighting.request { sighting.request = .cut }
    }

    /// FIN; nothing is read any more. `announced`: with TLS, behind close_notify.
    func close(announced: Bool = true) {
        guard !isOver else { return }
        isOver = true
        cutAll()
        if let tls { tls.close(announced: announced) } else { socket.close() }
        origin.forget(self)
    }

    /// Without TLS: a reset.
    func alert(for sighting: Sighting?) {
        guard let tls else { return resetNow() }
        cutAll()
        input = .ignored
        tls.sendAlert(for: sighting)
    }

    func flood() {
        guard let tls else { return resetNow() }
        cutAll()
        input = .ignored
        tls.flood()
    }

    func resetNow() {
        guard !isOver else { return }
        isOver = true
        cutAll()
        socket.reset()
        origin.forget(self)
    }

    func stopListening() { input = .ignored }

    func tearDown() {
        answering = nil
        input = .ignored
        tls?.letGo()
    }

    // MARK: Requests

    private func readRequests() {
        while !isOver, let event = reader.next() {
            switch event {
            case .head(let head): receivedHead(head)
            case .body(let content): receivedBody(content)
            case .end: receivedEnd()
            case .fault(let text):
                world.violated(.wellFormed, "origin \(origin.index) cannot read what connd sent: \(text)")
                return
            }
            if case .ignored = input { return }
        }
    }

    private func receivedHead(_ head: WireHead) {
        guard let account = head["x-nonce"].flatMap(Nonce.init).flatMap({ world.ledger[$0] }) else {
            world.violated(.foreignBytes, "origin \(origin.index) got a request without a nonce: `\(head.start)`")
            return stopListening()
        }
        let request = account.request
        check(head, account)
        let sighting = Sighting(account, connection: number, at: world.now)
        account.sightings.append(sighting)
        checkTurn(sighting, head)
        isChallenged = false
        queue.append(sighting)
        idleTurn += 1
        input = .request(sighting, received: 0)
        if request.logsIn { login = head["x-client"] }
        reader.expect(framing(head))
        if sighting.plan.isEarly || request.expectsContinue && sighting.plan.interim > 0 { answerNext() }
    }

    private func framing(_ head: WireHead) -> StrictReader.Framing {
        if head["transfer-encoding"] != nil { return .chunked }
        return head["content-length"].flatMap(Int.init).map { .length($0) } ?? .none
    }

    private func check(_ head: WireHead, _ account: Account) {
        let request = account.request
        let expected = "\(request.verb.rawValue) /\(request.nonce) HTTP/1.1"
        if head.start != expected || head["host"] != origin.authority || origin.index != request.origin {
            world.violated(.wellFormed, "\(request.nonce) came as `\(head.start)` for \(head["host"] ?? "nobody")")
        }
        if head["via"] == nil { world.violated(.wellFormed, "\(request.nonce) came without Via") }
        switch (request.body, head["transfer-encoding"], head["content-length"]) {
        case (nil, nil, nil), (nil, nil, "0"): break
        case (.some(let body), .some, nil) where body.isChunked: break
        case (.some(let body), nil, .some(let length)) where !body.isChunked && length == "\(body.size)": break
        default: world.violated(.wellFormed, "\(request.nonce) came with another framing")
        }
        if case .nothing = account.sent {
            world.violated(.foreignBytes, "\(request.nonce) came before its client sent it")
        }
    }

    /// Whether the request may arrive on this connection, at this time.
    private func checkTurn(_ sighting: Sighting, _ head: WireHead) {
        let request = sighting.account.request
        let most = request.verb.isIdempotent ? 1 + origin.mostRetries : 1
        if sighting.attempt >= most {
            world.violated(
                .sentTooOften, "\(request.verb.rawValue) \(request.nonce) came \(sighting.attempt + 1) times")
        }
        if !queue.isEmpty, !origin.everPipelined || !request.verb.isIdempotent {
            let others = queue.map { "\($0.account.request.nonce)" }.joined(separator: ", ")
            world.violated(.sharedConnection, "\(request.nonce) came while \(others) was not answered")
        }
        if !isTunnel, !isChallenged, let drain = origin.lastDrain(before: sighting), dialledAt < drain {
            world.violated(.obeyed, "\(request.nonce) came on a connection that was drained")
        }
        if sighting.account.sightings.contains(where: { ($0.alertedAt ?? .distantFuture) < world.now }) {
            world.violated(.sentTooOften, "\(request.nonce) came again after an alert")
        }
        if let tls { origin.check(tls, dialledAt: dialledAt, sighting) }
        if let login, login != head["x-client"] {
            world.violated(.login, "\(request.nonce) of client \(head["x-client"] ?? "?") came as \(login)")
        }
    }

    private func receivedBody(_ content: ArraySlice<UInt8>) {
        guard case .request(let sighting, let received) = input else { return }
        let nonce = sighting.account.request.nonce
        if let place = Content.mismatch(nonce, .client, at: received, content) {
            world.violated(.foreignBytes, "request \(nonce) has another byte at \(place)")
        }
        input = .request(sighting, received: received + content.count)
    }

    private func receivedEnd() {
        guard case .request(let sighting, let received) = input else { return }
        let request = sighting.account.request
        input = .betweenRequests
        sighting.request = .whole
        switch sighting.account.sent {
        case .whole: break
        case .nothing, .part:
            world.violated(.cutLooksWhole, "request \(request.nonce) looks whole, and its client did not send it whole")
        }
        if received != request.body?.size ?? 0 {
            world.violated(.cutLooksWhole, "request \(request.nonce) has \(received) bytes and looks whole")
        }
        answerNext()
    }

    // MARK: Answers

    private func answerNext() {
        guard answering == nil, !isOver, let sighting = queue.first else { return }
        if case .arriving = sighting.request, !sighting.plan.isEarly,
            !(sighting.account.request.expectsContinue && sighting.plan.interim > 0)
        {
            return
        }
        let answer = OriginAnswer(sighting, on: self)
        answering = answer
        answer.start()
    }

    /// Whether the final head may be sent.
    func mayAnswer(_ sighting: Sighting) -> Bool {
        if case .arriving = sighting.request { sighting.plan.isEarly } else { true }
    }

    func answered(_ sighting: Sighting, isLast: Bool) {
        guard !isOver else { return }
        answering = nil
        answers += 1
        isChallenged = sighting.plan.challenges && sighting.account.request.logsIn
        queue.removeFirst()
        if isLast { return close(announced: !sighting.plan.endsUnannounced) }
        tls?.answered()
        if queue.isEmpty { restsIdle() } else { answerNext() }
    }

    func becomeTunnel(_ account: Account, _ plan: TunnelPlan, attempt: Int) {
        reader.becomeRaw()
        let tunnel = TunnelEnd(.origin, account, plan, attempt: attempt, on: socket, in: world) {
            self.isOver = true
            self.origin.forget(self)
        }
        input = .tunnel(tunnel)
        let early = reader.takeRaw()
        tunnel.start()
        if !early.isEmpty { tunnel.received(early) }
    }

    /// The first record of a tunnel names its request.
    private func readTunnel() {
        guard reader.unreadCount >= 16 else { return }
        let first = reader.peek(8)
        guard let nonce = Nonce(String(decoding: first, as: UTF8.self), radix: 16), let account = world.ledger[nonce],
            case .tunnel(let plan) = account.request.kind
        else {
            world.violated(.foreignBytes, "origin \(origin.index) got a tunnel that nobody asked for")
            return stopListening()
        }
        let sighting = Sighting(account, connection: number, at: world.now)
        account.sightings.append(sighting)
        checkTurn(sighting, WireHead(start: "", fields: []))
        sighting.request = .whole
        sighting.answer = .whole
        becomeTunnel(account, plan, attempt: 0)
    }
}

extension OriginConnection: PeerOwner {
    func connected(_ socket: PeerSocket) {}
    func connectFailed(_ socket: PeerSocket, _ code: CInt) {}

    func received(_ socket: PeerSocket, _ bytes: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        switch input {
        case .ignored: return
        case .tunnel(let tunnel): return tunnel.received(ArraySlice(bytes))
        case .betweenRequests, .request: break
        }
        reader.append(bytes)
        if isTunnel { readTunnel() } else { readRequests() }
    }

    func inputEnded(_ socket: PeerSocket) {
        if case .tunnel(let tunnel) = input { return tunnel.sawEnd() }
        close()
    }

    func wasReset(_ socket: PeerSocket) {
        if case .tunnel(let tunnel) = input { return tunnel.sawReset() }
        guard !isOver else { return }
        isOver = true
        cutAll()
        origin.forget(self)
    }

    func outputTaken(_ socket: PeerSocket) {
        if case .onItsWay = unsolicited {
            unsolicited = .arrived
            world.noteUnsolicited(number)
        }
    }
}
