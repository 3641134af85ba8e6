import ProxyTypes

/// How a client sends its requests, in parts.
extension ClientMachine {
    func begin(_ request: RequestPlan) {
        guard case .open = phase, case .thinking = output, let account = world.ledger[request.nonce] else { return }
        next += 1
        isHurried = false
        due.append(account)
        let (head, body) = message(request)
        let bytes = head + body
        var limit = bytes.count
        if let stop = request.stop { limit = min(max(bytes.count * stop.at / 1000, 1), bytes.count - 1) }
        account.sent = .part
        account.sentAt = world.now
        let sending = Sending(account: account, bytes: bytes, headLength: head.count, limit: limit)
        output = .sending(sending)
        sendPart()
    }

    private func sendPart() {
        guard case .open(let socket) = phase, case .sending(var sending) = output else { return }
        let request = sending.account.request
        var end = min(sending.offset + max(sending.bytes.count / max(request.writes, 1), 1), sending.limit)
        let isBeforeBody = request.expectsContinue && sending.offset < sending.headLength
        if isBeforeBody { end = min(end, sending.headLength) }
        let part = Array(sending.bytes[sending.offset..<end])
        sending.offset = end
        output = .sending(sending)
        if end == sending.bytes.count {
            sending.account.sent = .whole
            sending.account.wholeAt = world.now
            output = .idle
        }
        socket.send(part)
        if end == sending.bytes.count { return sentAll(request) }
        if end == sending.limit { return stop(request, socket) }
        if isBeforeBody, end == sending.headLength {
            output = .awaitingContinue(sending)
            // RFC 9110 10.1.1: a client does not wait indefinitely.
            return after(.milliseconds(700)) { $0.continueBody() }
        }
        after(request.pause) { $0.sendPart() }
    }

    /// 100 Continue, or the end of the wait for it.
    func continueBody() {
        guard case .awaitingContinue(let sending) = output else { return }
        output = .sending(sending)
        sendPart()
    }

    private func sentAll(_ request: RequestPlan) {
        switch request.kind {
        case .plain: proceed()
        case .tunnel, .upgrade, .garbage: output = .stopped
        }
    }

    /// Stops in the middle of a message that is never finished.
    private func stop(_ request: RequestPlan, _ socket: PeerSocket) {
        output = .stopped
        switch request.stop?.manner {
        case .fin:
            socket.shutdownOutput()
        case .reset:
            abandonDue()
            socket.reset()
            connectionEnded()
        case .silence, nil: break
        }
    }

    // MARK: The message

    private func message(_ request: RequestPlan) -> (head: [UInt8], body: [UInt8]) {
        if case .garbage = request.kind { return (Array("\u{1}\u{2} garbage \(request.nonce)\r\n\r\n".utf8), []) }
        let origin = world.origins[request.origin]
        var head: String
        if case .tunnel = request.kind {
            let target = "\(origin.host):\(OriginMachine.tunnelPort)"
            head = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        } else {
            let target = "\(origin.scheme(of: request))://\(origin.authority)/\(request.nonce)"
            head = "\(request.verb.rawValue) \(target) HTTP/1.\(request.minorVersion)\r\n"
            head += "Host: \(origin.authority)\r\n"
        }
        head += "X-Nonce: \(request.nonce)\r\nX-Client: \(connectionName)\r\n"
        head += connectionField(request)
        if request.logsIn { head += "Authorization: NTLM \(connectionName)\r\n" }
        var body: [UInt8] = []
        if let plan = request.body {
            let content = Content.bytes(request.nonce, .client, 0..<plan.size)
            if request.expectsContinue { head += "Expect: 100-continue\r\n" }
            if plan.isChunked {
                head += "Transfer-Encoding: chunked\r\n"
                body = Chunking.encode(content, trailer: plan.hasTrailers ? "X-Trailer: \(request.nonce)" : nil)
            } else {
                head += "Content-Length: \(plan.size)\r\n"
                body = content
            }
        }
        return (Array((head + "\r\n").utf8), body)
    }

    private func connectionField(_ request: RequestPlan) -> String {
        if case .upgrade = request.kind { return "Connection: upgrade\r\nUpgrade: simulation\r\n" }
        if request.minorVersion == 0 { return request.asksToPersist ? "Connection: keep-alive\r\n" : "" }
        return request.asksToPersist ? "" : "Connection: close\r\n"
    }
}

/// The chunked coding (RFC 9112 7.1), with chunk sizes that vary with the content's length. Pure.
enum Chunking {
    static func encode(_ content: [UInt8], trailer: String?) -> [UInt8] {
        var out: [UInt8] = []
        var start = 0
        var size = 1 + content.count % 97
        while start < content.count {
            let end = min(start + size, content.count)
            out += "\(String(end - start, radix: 16))\r\n".utf8
            out += content[start..<end]
            out += "\r\n".utf8
            start = end
            size = min(size * 3, 8192)
        }
        out += "0\r\n".utf8
        if let trailer { out += "\(trailer)\r\n".utf8 }
        out += "\r\n".utf8
        return out
    }
}
