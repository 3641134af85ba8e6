import ProxyTypes

extension Verdict {
    /// A sentence for people.
    package var sentence: String {
        switch self {
        case .contact(let contact): contact.sentence
        case .persistence(let found): found.sentence
        case .hints(let hints): hints.sentence
        case .idleLimit(let limit): limit.sentence
        case .maxRequests(let limit): limit.sentence
        case .pipelining(let found): found.sentence
        case .halfClose(let found): found.sentence
        case .expectContinue(let found): found.sentence
        case .resumption(let found): found.sentence
        case .addresses(let spread): spread.sentence
        case .acknowledgement(let found): found.sentence
        case .notMeasured(let obstacle): obstacle.sentence
        }
    }
}

extension Contact {
    var sentence: String {
        let by = server.map { " (\($0))" } ?? ""
        return "answers \(method.rawValue) with \(status) over \(version.rawValue)\(by);"
            + " connecting took \(DurationWords.of(connectTime)), the answer \(DurationWords.of(answerTime))"
    }
}

extension Persistence {
    var sentence: String {
        switch self {
        case .keeps: "keeps the connection for another request"
        case .closes(.connectionClose): "closes after each response: it sends Connection: close"
        case .closes(.bodyWithoutLength): "closes after each response: nothing else ends a body without a length"
        case .closes(.http10): "closes after each response: it speaks HTTP/1.0 and does not offer keep-alive"
        case .closesUnannounced: "closes although the response promised to keep the connection"
        }
    }
}

extension KeepAliveHints {
    var sentence: String {
        switch (timeout, max) {
        case (nil, nil): "sends no Keep-Alive field"
        case (let timeout?, nil): "says that it keeps idle connections \(timeout) s"
        case (nil, let max?): "says that a connection carries \(max) more requests"
        case (let timeout?, let max?): "says that it keeps idle connections \(timeout) s, and for \(max) more requests"
        }
    }
}

extension IdleLimit {
    var sentence: String {
        switch self {
        case .closes(let after, let deviation, let count):
            return "closes idle connections after \(DurationWords.of(after)), ± \(DurationWords.of(deviation))"
                + " (\(count) of \(count))"
        case .closesBetween(let least, let most, let count, let atOnce):
            let how = atOnce ? ", all at once: a sweep of all connections, or a restart" : ""
            return "closes idle connections between \(DurationWords.of(least)) and \(DurationWords.of(most))"
                + " (\(count) of \(count))\(how)"
        case .sometimes(let after, let closed, let count, let wait):
            return "closed \(closed) of \(count) idle connections, the first after \(DurationWords.of(after));"
                + " the others lived \(DurationWords.of(wait)): its backends differ, or a request was lost"
        case .outlasts(let age, let count):
            let each = count == 1 ? "1 connection answered" : "\(count) connections answered"
            return "keeps idle connections longer than \(DurationWords.of(age)): \(each) after that"
        case .pathForgets(let age):
            return "idle connections were not closed, and after \(DurationWords.of(age)) a request failed on them:"
                + " something on the path forgets silent connections"
        }
    }
}

extension RequestLimit {
    var sentence: String {
        switch self {
        case .closesAfter(1, true): "a connection carries one request"
        case .closesAfter(1, false): "a connection carries one request, and ends without a word"
        case .closesAfter(let count, true): "closes a connection after \(count) requests, and says so"
        case .closesAfter(let count, false): "closes a connection after \(count) requests without a word"
        case .moreThan(let count): "a connection carries more than \(count) requests"
        case .overloaded(let count, let status): "answered request \(count) with \(status): no more were sent"
        }
    }
}

extension Pipelining {
    var sentence: String {
        switch self {
        case .answersBoth: "answers two requests that come together"
        case .closesAfterFirst: "answers the first of two requests and closes: the other would be lost"
        case .dropsSecond: "answers the first of two requests and ignores the other"
        case .refuses: "refuses two requests that come together"
        }
    }
}

extension HalfClose {
    var sentence: String {
        switch self {
        case .answers: "answers a client that has shut its sending side"
        case .closes: "closes without an answer when a client shuts its sending side"
        case .resets: "resets the connection when a client shuts its sending side"
        case .ignores: "answers nothing when a client has shut its sending side, and keeps the connection open"
        }
    }
}

extension ExpectContinue {
    var sentence: String {
        switch self {
        case .continues(let after): "sends 100 Continue after \(DurationWords.of(after))"
        case .answers(let status): "answers \(status) without waiting for the body"
        case .waitsForBody(let time):
            "sent no 100 Continue in \(DurationWords.of(time)): clients wait for it in vain before they send a body"
        case .closes: "closes the connection when a request expects 100 Continue"
        }
    }
}

extension Resumption {
    var sentence: String {
        let trust = isVerified ? "" : "; its certificate is not verified"
        let how = "TLS \(version.name), \(cipher)"
        guard connections > 0 else { return "\(how); only one connection was opened\(trust)" }
        return resumed == 0
            ? "\(how); no session was resumed on \(connections) more connections: each pays for a full handshake\(trust)"
            : "\(how); sessions were resumed on \(resumed) of \(connections) more connections\(trust)"
    }
}

extension AddressSpread {
    private static let shown = 4

    var sentence: String {
        let list = used.prefix(Self.shown).map { use in
            let count = use.connections == 1 ? "1 connection" : "\(use.connections) connections"
            return "\(use.address) (\(count), the fastest in \(DurationWords.of(use.connectTime)))"
        }
        let more = used.count > Self.shown ? " and \(used.count - Self.shown) more" : ""
        let name = known.map { $0 == 1 ? "one address" : "\($0) addresses" }
        return (name.map { "\($0); used: " } ?? "") + list.joined(separator: ", ") + more
    }
}

extension Acknowledgement {
    var sentence: String {
        switch self {
        case .atOnce(let after): "acknowledges part of a request after \(DurationWords.of(after))"
        case .delayed(let after):
            "delays acknowledgements by \(DurationWords.of(after)): a request in several small writes may wait as long"
        case .none(let time): "acknowledged no part of a request in \(DurationWords.of(time))"
        }
    }
}

extension Obstacle {
    var sentence: String {
        switch self {
        case .failed(let text): text
        case .noRoom: "not measured: max_connections or max_upstream_connections allowed no connection more"
        case .notKept: "not measured: the origin keeps no connection"
        case .notAsked: "not measured: it was not asked for"
        case .notEncrypted: "the origin is not reached over TLS"
        case .overload(let status):
            "not measured: the origin answered \(status), so it was left alone; another path may answer"
        case .stopped(let reason): "not measured: \(reason.sentence)"
        case .bound: "not measured: the bound of \(ExaminationPlan.mostRequests) requests was reached"
        }
    }
}

extension StopReason {
    package var sentence: String {
        switch self {
        case .byOperator: "the examination was stopped"
        case .trafficWaits: "requests needed connections, so the examination gave its own up"
        case .paused: "the origin was paused"
        case .forgotten: "the origin was forgotten"
        case .shutdown: "connd is stopping"
        }
    }
}
