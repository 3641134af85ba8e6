import ProxyTypes

/// How a client reads and checks responses.
extension ClientMachine {
    func read(_ bytes: UnsafeRawBufferPointer) {
        reader.append(bytes)
        while case .some = socket, !isFinished, let event = reader.next() {
            switch event {
            case .head(let head): receivedHead(head)
            case .body(let content): receivedBody(content)
            case .end: receivedEnd()
            case .fault(let text):
                world.violated(.wellFormed, "client \(index) cannot read what connd sent: \(text)")
                return
            }
        }
        if case .tunnel(let tunnel) = output, reader.isRaw {
            let rest = reader.takeRaw()
            if !rest.isEmpty { tunnel.received(rest) }
        }
    }

    private func receivedHead(_ head: WireHead) {
        let words = head.words
        guard words.count == 3, words[0] == "HTTP/1.1", let status = Int(words[1]), (100...599).contains(status) else {
            world.violated(.wellFormed, "client \(index) got the status line `\(head.start)`")
            return reader.becomeRaw()
        }
        guard !toldLast else {
            world.violated(.answeredOnce, "client \(index) got another answer behind the last one: `\(head.start)`")
            return reader.becomeRaw()
        }
        let account = due.first
        let isOwn = head["x-nonce"] == nil
        guard let maker = isOwn ? ownMaker(head, status, account) : originMaker(head, status, account) else {
            return reader.becomeRaw()
        }
        if status < 200, status != 101 { return receivedInterim(account, status) }
        let request = account?.request
        if status == 101 || status == 200 && request?.verb == .connect {
            return beginTunnel(account, maker, status)
        }
        let persists =
            request?.minorVersion == 0
            ? head.contains("keep-alive", in: "connection") : !head.contains("close", in: "connection")
        let framing = framing(head, status, request)
        reading = Reading(
            account: account, maker: maker, status: status,
            isLast: !persists || framing == .untilClose || account == nil)
        if case .origin(let sighting) = maker { checkHead(head, status, sighting) }
        reader.expect(framing)
        // The final response makes the body unnecessary.
        if case .awaitingContinue(let sending) = output, sending.account === account { output = .stopped }
    }

    private func framing(_ head: WireHead, _ status: Int, _ request: RequestPlan?) -> StrictReader.Framing {
        let length = head["content-length"]
        if let coding = head["transfer-encoding"] {
            if request?.minorVersion == 0 || length != nil || coding.lowercased() != "chunked" {
                world.violated(.wellFormed, "client \(index) got a transfer coding that it cannot take: \(coding)")
            }
            return request?.verb == .head || status == 204 || status == 304 ? .none : .chunked
        }
        if request?.verb == .head || status == 204 || status == 304 { return .none }
        guard let length else { return .untilClose }
        guard let count = Int(length) else {
            world.violated(.wellFormed, "client \(index) got the length `\(length)`")
            return .untilClose
        }
        return .length(count)
    }

    /// Nil if the response answers none of the open requests.
    private func originMaker(_ head: WireHead, _ status: Int, _ account: Account?) -> Reading.Maker? {
        let nonce = head["x-nonce"] ?? ""
        guard let account else {
            world.violated(.foreignBytes, "client \(index), which is due nothing, got the answer to request \(nonce)")
            return nil
        }
        if nonce == "0" {
            checkUnasked(account, connection: head["x-connection"].flatMap(Int.init) ?? 0)
            return .unasked
        }
        guard nonce == "\(account.request.nonce)" else {
            world.violated(
                .foreignBytes, "client \(index) got the answer to \(nonce) in the place of \(account.request.nonce)")
            return nil
        }
        guard let attempt = head["x-attempt"].flatMap(Int.init), attempt < account.sightings.count else {
            world.violated(.foreignBytes, "the answer to request \(nonce) is of no attempt that was made")
            return nil
        }
        return .origin(account.sightings[attempt])
    }

    /// Unsolicited bytes that cross a request are taken for its answer, as HTTP/1 cannot tell them apart. Those that
    /// arrived before the request was sent must end the connection instead.
    private func checkUnasked(_ account: Account, connection: Int) {
        guard let time = world.unsolicitedArrivals[connection], time + .milliseconds(40) < account.sentAt,
            !isBehindAnother(account, connection)
        else { return }
        world.violated(.foreignBytes, "\(account.request.nonce) was answered by what its origin had said before")
    }

    /// Where it was pipelined, a connection that is paused for a slow client has been given to it: what its origin says
    /// unasked waits unread behind that client's answer.
    private func isBehindAnother(_ account: Account, _ connection: Int) -> Bool {
        guard world.origins[account.request.origin].everPipelined else { return false }
        return world.ledger.accounts.contains { other in
            other !== account && (other.outcome == .pending || other.endedAt > account.sentAt)
                && other.sightings.contains { $0.connection == connection }
        }
    }

    private func ownMaker(_ head: WireHead, _ status: Int, _ account: Account?) -> Reading.Maker? {
        if status == 200, account?.request.verb == .connect { return .proxy(error: "") }
        guard let text = head["proxy-status"], text.hasPrefix("connd; error=") else {
            world.violated(.foreignBytes, "client \(index) got an answer without a nonce: `\(head.start)`")
            return nil
        }
        let error = String(text.dropFirst("connd; error=".count).prefix { $0 != ";" })
        // Whoever asked nothing is told so, and that is the last that it is told.
        if account == nil, ![400, 403, 408].contains(status) {
            world.violated(.answeredOnce, "client \(index), which is due nothing, got `\(head.start)` \(text)")
        }
        return .proxy(error: error)
    }

    private func checkHead(_ head: WireHead, _ status: Int, _ sighting: Sighting) {
        let plan = sighting.plan
        if status != plan.status {
            world.violated(
                .foreignBytes, "\(sighting.account.request.nonce) was answered \(plan.status), not \(status)")
        }
        if case .none = sighting.answer {
            world.violated(.foreignBytes, "\(sighting.account.request.nonce) got an answer that no origin sent")
        }
    }

    private func receivedInterim(_ account: Account?, _ status: Int) {
        reader.expectAnotherHead()
        guard account?.request.minorVersion == 1 else {
            return world.violated(.wellFormed, "client \(index) of HTTP/1.0 got a \(status)")
        }
        if status == 100 { continueBody() }
    }

    private func receivedBody(_ content: ArraySlice<UInt8>) {
        guard let reading else { return }
        if case .origin(let sighting) = reading.maker {
            let maker = Content.Maker.origin(attempt: sighting.attempt)
            let nonce = sighting.account.request.nonce
            if let place = Content.mismatch(nonce, maker, at: reading.count, content) {
                let found = String(
                    decoding: content.dropFirst(max(place - reading.count - 16, 0)).prefix(48), as: UTF8.self)
                world.violated(.foreignBytes, "the answer to request \(nonce) has another byte at \(place): `\(found)`")
            }
        }
        self.reading?.count += content.count
    }

    private func receivedEnd() {
        guard let reading else { return }
        self.reading = nil
        guard let account = reading.account else { return answered(isLast: true) }
        due.removeFirst()
        switch reading.maker {
        case .origin(let sighting):
            checkWhole(reading, sighting)
            settle(account, .answered(status: reading.status))
        case .unasked: settle(account, .answered(status: reading.status))
        case .proxy(let error):
            settle(account, .refused(status: reading.status, error: error))
            world.refused(account, status: reading.status, error: error)
        }
        answered(isLast: reading.isLast)
    }

    private func checkWhole(_ reading: Reading, _ sighting: Sighting) {
        let request = sighting.account.request
        let hasContent = request.verb != .head && sighting.plan.framing != .none
        let size = hasContent ? sighting.plan.size : 0
        if reading.count != size {
            world.violated(
                .cutLooksWhole, "\(request.nonce) has \(reading.count) bytes of \(size) and looks whole")
        }
        switch sighting.answer {
        case .whole: break
        case .none, .begun, .cut:
            // Without content after the head, a cut cannot be seen.
            if request.verb != .head {
                world.violated(.cutLooksWhole, "\(request.nonce) looks whole, and its origin did not send it whole")
            }
        }
    }

    func settle(_ account: Account, _ outcome: Account.Outcome) {
        if !account.settle(outcome, at: world.now) {
            world.violated(.answeredOnce, "request \(account.request.nonce) was settled before: \(account.outcome)")
        }
    }

    /// Nothing more arrives on this connection.
    func readToEnd(byReset: Bool) {
        if let reading {
            if reader.endsByClose, !byReset {
                self.reading = nil
                if let account = reading.account { due.removeFirst(); finishUntilClose(account, reading) }
            } else {
                if let account = reading.account {
                    due.removeFirst()
                    settle(account, .cut)
                }
                self.reading = nil
            }
        } else if !reader.isBetweenMessages, !due.isEmpty {
            settle(due.removeFirst(), .cut)
        }
        for account in due { settle(account, .unanswered) }
        due.removeAll()
    }

    private func finishUntilClose(_ account: Account, _ reading: Reading) {
        switch reading.maker {
        case .origin(let sighting):
            checkWhole(reading, sighting)
            settle(account, .answered(status: reading.status))
        case .unasked: settle(account, .answered(status: reading.status))
        case .proxy(let error): settle(account, .refused(status: reading.status, error: error))
        }
    }

    private func beginTunnel(_ account: Account?, _ maker: Reading.Maker, _ status: Int) {
        guard let account, let socket else { return }
        let attempt: Int
        switch maker {
        case .origin(let sighting): attempt = sighting.attempt
        case .proxy, .unasked: attempt = 0
        }
        let plan: TunnelPlan
        switch (account.request.kind, status) {
        case (.tunnel(let tunnel), 200), (.upgrade(let tunnel), 101): plan = tunnel
        default:
            world.violated(.wellFormed, "request \(account.request.nonce) got a \(status) that it did not ask for")
            return reader.becomeRaw()
        }
        due.removeFirst()
        reader.becomeRaw()
        let tunnel = TunnelEnd(.client, account, plan, attempt: attempt, on: socket, in: world) {
            _ = account.settle(.tunnelEnded, at: self.world.now)
            self.connectionEnded()
        }
        output = .tunnel(tunnel)
        tunnel.start()
    }
}
