import ProxyTypes

/// Origins and clients that do not let connections serve again; no setting of connd's helps.
extension AdviceRule {
    static func originEndsConnections(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        inert(
            .originEndsConnections, facts, facts.closes.byResponse, bar,
            label: "connections that the origin ended with a response",
            text:
                "The origin ends each connection with its response: `Connection: close`, or HTTP/1.0 without keep-alive.",
            action: "turn keep-alive on at the origin (nginx: keepalive_timeout, Apache: KeepAlive On)")
    }

    static func responsesWithoutLength(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        inert(
            .responsesWithoutLength, facts, facts.closes.withoutLength, bar,
            label: "connections whose end was the end of a response",
            text: "Responses have neither Content-Length nor chunks: only the end of the connection ends them.",
            action: "have the origin send Content-Length, or answer in HTTP/1.1 with chunks")
    }

    /// A FIN right after the response, unannounced. A limit of idle time is the learner's.
    static func originClosesSilently(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        guard facts.learned?.limit == nil else { return nil }
        // Once that is learned, connd ends them first.
        let foreseen = facts.learned?.maxRequests == 1 ? facts.closes.maxRequests : 0
        return inert(
            .originClosesSilently, facts, facts.closes.byOrigin + foreseen, bar,
            label: "connections that the origin ended after a response",
            text: "The origin ends each connection shortly after its response, without saying so.",
            action: "turn keep-alive on at the origin, or have it say `Connection: close`")
    }

    static func clientsGoAway(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        inert(
            .clientsGoAway, facts, facts.closes.byClient, bar,
            label: "connections closed as a client went away",
            text: "Clients go away before their response has ended, which costs a connection each time.",
            action: "raise the time-outs of the clients, or have them read whole responses")
    }

    private static func inert(
        _ rule: AdviceRule, _ facts: OriginFacts, _ ended: Int, _ bar: Bar, label: String, text: String, action: String
    ) -> Advice? {
        guard bar.isOver(ended, Bar.fewest), facts.leases >= 50, bar.isOver(facts.freshShare, 0.5),
            bar.isOver(Double(ended), Double(facts.closes.all) * 0.6)
        else { return nil }
        let each = max(facts.waitPerDial, facts.dials == 0 ? 0 : facts.handshakeTime / Double(facts.dials))
        guard bar.isWorth(dials: Double(ended), each: each, in: facts) else { return nil }
        let left = max(facts.freshShare - Double(ended) / Double(facts.leases), 0)
        return Advice(
            rule: rule, change: .people(action), text: text,
            evidence: [
                Evidence(label, ended), Evidence("connections that ended", facts.closes.all),
                Evidence("requests on new connections", facts.freshShare, .share),
                Evidence(
                    "time that requests wait for new connections", facts.waited.all / facts.hours, .microsecondsPerHour),
            ],
            prediction: Prediction(.newConnections, now: facts.freshShare, least: left, most: left + 0.1),
            confidence: .high, isSafe: false)
    }

    /// Short tunnels to one origin, each with handshakes of its own.
    static func tunnelsPoolable(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let opened = facts.tunnels.opened
        guard facts.settings.isHTTPS, !facts.settings.intercept, bar.isOver(opened, 50),
            bar.isOver(facts.perHour(opened), 60), facts.tunnels.meanDuration < 30e6
        else { return nil }
        return Advice(
            rule: .tunnelsPoolable,
            change: .people(
                "let connd speak TLS to it: a gateway for programs that take a base URL, or intercept=on for the others"
            ),
            text: "Short tunnels to this origin share no connection: each one has handshakes of its own.",
            evidence: [
                Evidence("tunnels", facts.perHour(opened), .perHour),
                Evidence("how long one lasts, on average", facts.tunnels.meanDuration, .microseconds),
            ],
            prediction: Prediction(.newConnections, now: 1, least: 0, most: 0.5), confidence: .medium, isSafe: false)
    }
}
