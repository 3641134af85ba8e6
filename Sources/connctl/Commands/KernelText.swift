import AdminModels

/// What the kernel knows of connections, in words. Pure.
enum KernelText {
    static func add(_ tcp: TCPReport, to facts: inout LabelledList) {
        facts.add(
            "round trip",
            "\(Formatting.duration(ms: tcp.rttMs)) (±\(Formatting.duration(ms: tcp.rttVarianceMs)), "
                + "least \(Formatting.duration(ms: tcp.minRttMs)))")
        facts.add(
            "window",
            "\(Formatting.plural(tcp.congestionWindow, "segment")) of \(tcp.maximumSegment) B"
                + (tcp.slowStartThreshold > 0 ? ", threshold \(tcp.slowStartThreshold)" : "")
                + (tcp.congestionState == "open" ? "" : ", \(tcp.congestionState)")
                + (tcp.deliveryRateBps > 0 ? ", \(Formatting.short(Double(tcp.deliveryRateBps)))bit/s" : "")
                + (tcp.deliveryRateBps > 0 && tcp.deliveryLimitedByUs ? " (no more was there to send)" : ""))
        facts.add(
            "segments",
            "\(Formatting.count(tcp.segmentsSent)) sent, \(Formatting.count(tcp.segmentsReceived)) received, "
                + "\(Formatting.plural(tcp.retransmits, "retransmit"))"
                + (tcp.lost > 0 ? ", \(tcp.lost) thought lost" : "")
                + (tcp.unacknowledged > 0 ? ", \(tcp.unacknowledged) unacknowledged" : ""),
            tcp.retransmits > 0 ? .warning : .plain)
        if tcp.timeouts + tcp.backoff > 0 {
            facts.add(
                "unanswered",
                "\(Formatting.plural(max(tcp.timeouts, tcp.backoff), "retransmission time-out")) in a row", .bad)
        }
        if let limits = limits(tcp.busyMs, window: tcp.windowLimitedMs, buffer: tcp.bufferLimitedMs) {
            facts.add("sending", limits)
        }
        facts.add(
            "last heard",
            "acknowledged \(Formatting.duration(ms: Double(tcp.sinceAcknowledgedMs))) and sent "
                + "\(Formatting.duration(ms: Double(tcp.sinceDataSentMs))) before")
    }

    /// Whose time it was: while something is unacknowledged it is the path's, otherwise the origin's.
    static func segments(_ segments: SegmentReport) -> String {
        let acknowledged =
            segments.unacknowledged == 0
            ? "all that was sent had been acknowledged"
            : "\(Formatting.plural(segments.unacknowledged, "segment")) unacknowledged"
        let timeouts =
            segments.timeouts == 0
            ? "" : " after \(Formatting.plural(segments.timeouts, "retransmission time-out")) in a row"
        let again = segments.retransmits == 0 ? "" : ", \(segments.retransmits) sent again"
        return "round trip \(Formatting.duration(ms: segments.rttMs)), \(acknowledged)\(timeouts)\(again)"
    }

    /// Nil where nothing was ever sent.
    static func limits(_ busy: Double, window: Double, buffer: Double) -> String? {
        guard busy > 0 else { return nil }
        var text = "busy for \(Formatting.duration(ms: busy))"
        if window > 0 { text += ", \(Formatting.duration(ms: window)) of it held back by the origin's window" }
        if buffer > 0 { text += ", \(Formatting.duration(ms: buffer)) of it by the send buffer" }
        return text
    }

    static func path(_ path: PathReport) -> String {
        let survived = path.survived.map { ", while \($0) was survived" } ?? ""
        let seen =
            "lost \(Formatting.plural(path.drops, "connection")) in silence, the earliest after "
            + "\(path.dropped ?? "?")\(survived)"
        guard let limit = path.limit, let left = path.forgottenIn else {
            return "\(seen); the limit was forgotten, and the next loss restores it"
        }
        return "\(seen); idle connections are closed after \(limit) unless tcp_keepalive probes them more often "
            + "(\(path.state), forgotten in \(left))"
    }

    static func delay(_ delay: DelayReport) -> String {
        let whose = delay.side == "origin" ? "the origin writes answers" : "connd writes requests"
        let effect = delay.shareWithSetting.map { "with it \(Formatting.share($0)) wait" } ?? "its effect is told here"
        return "\(whose) in parts, and \(Formatting.share(delay.share)) of \(Formatting.count(delay.exchanges)) wait "
            + "\(delay.waitMs) ms for an acknowledgement; \(SafeText.line(delay.setting)) ends that: \(effect)"
    }

    static func socket(_ socket: SocketReport) -> String {
        "nodelay \(socket.nodelay ? "on" : "off"), quickack \(socket.quickack ? "on" : "off"), "
            + "keepalive \(socket.keepalive), user timeout "
            + (socket.userTimeoutMs > 0 ? socket.userTimeout : "the kernel's")
            + ", fast open \(socket.fastOpen ? "on" : "off"), \(SafeText.line(socket.congestionControl)), buffers "
            + "\(Formatting.size(socket.sendBuffer)) out and \(Formatting.size(socket.receiveBuffer)) in"
    }
}
