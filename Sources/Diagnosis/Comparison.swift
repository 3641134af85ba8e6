package import ProxyTypes

/// What connd does with an origin at present, as far as an examination can judge it. Value.
package struct OriginInForce: Equatable, Sendable {
    package var idleTimeout: IdleTimeout
    /// Where `idle_timeout` is `auto` and something was learned: the age at which idle connections are closed.
    package var learnedRetire: Interval?
    /// What closes have shown before the examination.
    package var learnedLimit: Interval?
    package var learnedHits: Int
    /// 0: no limit.
    package var maxRequests: Int
    package var pipelines: Bool

    package init(
        idleTimeout: IdleTimeout = .auto, learnedRetire: Interval? = nil, learnedLimit: Interval? = nil,
        learnedHits: Int = 0, maxRequests: Int = 0, pipelines: Bool = false
    ) {
        self.idleTimeout = idleTimeout
        self.learnedRetire = learnedRetire
        self.learnedLimit = learnedLimit
        self.learnedHits = learnedHits
        self.maxRequests = maxRequests
        self.pipelines = pipelines
    }
}

/// What a finding means for what is in force. Value.
package struct Remark: Equatable, Sendable {
    package enum Kind: String, Sendable {
        /// As it should be.
        case agrees
        /// Something could be better, or is not as it was learned.
        case differs
        /// Requests may fail.
        case warns
    }

    package let subject: Subject
    package let kind: Kind
    package let text: String
    /// The setting that would help, as `connctl set` takes it.
    package var setting: String?
}

/// Findings beside what was learned, what the origin says of itself, and the settings. Pure.
package enum Comparison {
    /// `after`: what was in force when the examination was over; nil: it is not.
    package static func remarks(
        _ findings: [Finding], _ inForce: OriginInForce, after: OriginInForce? = nil
    ) -> [Remark] {
        var hints = KeepAliveHints()
        for finding in findings { if case .hints(let given) = finding.verdict { hints = given } }
        return findings.flatMap { finding in
            switch (finding.subject, finding.verdict) {
            case (.persistence11, .persistence(let found)): persistence(found)
            case (.idleLimit, .idleLimit(let limit)):
                learned(limit, inForce) + learned(inForce, after) + hinted(limit, hints) + set(limit, inForce)
            case (.maxRequests, .maxRequests(let limit)): requests(limit, inForce)
            case (.pipelining, .pipelining(let found)): pipelining(found, inForce)
            default: [Remark]()
            }
        }
    }

    private static func persistence(_ found: Persistence) -> [Remark] {
        let remedy: String
        switch found {
        case .keeps: return []
        case .closes(.connectionClose): remedy = "turn keep-alive on there"
        case .closes(.bodyWithoutLength): remedy = "have it send Content-Length or chunked bodies"
        case .closes(.http10): remedy = "have it speak HTTP/1.1"
        case .closesUnannounced: remedy = "something behind it closes early"
        }
        let text = "no connection to this origin can be used again, whatever the settings: \(remedy)"
        return [Remark(subject: .persistence11, kind: .differs, text: text)]
    }

    // MARK: The idle limit

    /// Farther apart than this is another limit.
    private static func isNear(_ a: Interval, _ b: Interval) -> Bool {
        let tolerance = max(Interval.milliseconds(100), Interval(nanoseconds: max(a, b).nanoseconds / 20))
        return max(a, b) - min(a, b) <= tolerance
    }

    private static func learned(_ limit: IdleLimit, _ inForce: OriginInForce) -> [Remark] {
        guard let known = inForce.learnedLimit else { return [] }
        let from = "\(DurationWords.of(known)), learned from \(inForce.learnedHits) closes"
        switch limit {
        case .closes(let after, _, _), .closesBetween(_, let after, _, _):
            let kind = isNear(after, known) ? Remark.Kind.agrees : .differs
            let text = kind == .agrees ? "agrees with \(from)" : "differs from \(from); the learner was told"
            return [Remark(subject: .idleLimit, kind: kind, text: text)]
        case .outlasts(let age, _):
            guard age > known, !isNear(age, known) else { return [] }
            let text = "differs from \(from): connections outlived that; the learner was told"
            return [Remark(subject: .idleLimit, kind: .differs, text: text)]
        case .sometimes, .pathForgets: return []
        }
    }

    /// The examination itself has taught it.
    private static func learned(_ before: OriginInForce, _ after: OriginInForce?) -> [Remark] {
        guard before.learnedLimit == nil, let limit = after?.learnedLimit, let retire = after?.learnedRetire else {
            return []
        }
        let text =
            "nothing was known before, and the limit of \(DurationWords.of(limit)) is learned now:"
            + " connd closes idle connections after \(DurationWords.of(retire))"
        return [Remark(subject: .idleLimit, kind: .agrees, text: text)]
    }

    private static func hinted(_ limit: IdleLimit, _ hints: KeepAliveHints) -> [Remark] {
        guard let said = hints.timeout.map({ Interval.seconds(Int64(clamping: $0)) }), said > .zero else { return [] }
        switch limit {
        case .closes(let after, _, _), .closesBetween(let after, _, _, _), .sometimes(let after, _, _, _):
            if isNear(after, said) {
                return [Remark(subject: .hints, kind: .agrees, text: "its Keep-Alive field is true")]
            }
            let text =
                "its Keep-Alive field says \(DurationWords.of(said)), and it closes after \(DurationWords.of(after))"
            return [Remark(subject: .hints, kind: after < said ? .warns : .differs, text: text)]
        case .outlasts, .pathForgets: return []
        }
    }

    private static func set(_ limit: IdleLimit, _ inForce: OriginInForce) -> [Remark] {
        switch limit {
        case .closes(let after, _, _), .closesBetween(let after, _, _, _), .sometimes(let after, _, _, _):
            return set(closes: after, inForce)
        case .outlasts(let age, _): return set(outlasts: age, inForce)
        case .pathForgets(let age):
            let text = "something on the path forgets connections that carry nothing for \(DurationWords.of(age))"
            let every = max(age.wholeSeconds / 2, 1)
            return [Remark(subject: .idleLimit, kind: .warns, text: text, setting: "tcp_keepalive=\(every)s/10s/6")]
        }
    }

    private static func set(closes limit: Interval, _ inForce: OriginInForce) -> [Remark] {
        let closes = "the origin closes idle connections after \(DurationWords.of(limit))"
        switch inForce.idleTimeout {
        case .fixed(let timeout) where timeout >= limit:
            let text = "idle_timeout is \(DurationWords.of(timeout)); \(closes): requests race with its closes"
            return [Remark(subject: .idleLimit, kind: .warns, text: text, setting: "idle_timeout=auto")]
        case .fixed(let timeout) where timeout < half(limit):
            let text = "idle_timeout is \(DurationWords.of(timeout)); \(closes): more connections could be used again"
            return [Remark(subject: .idleLimit, kind: .differs, text: text, setting: "idle_timeout=auto")]
        case .fixed: return [Remark(subject: .idleLimit, kind: .agrees, text: "idle_timeout is within it")]
        case .auto:
            guard let retire = inForce.learnedRetire else { return [] }
            guard retire <= limit else {
                let text =
                    "connd closes idle connections after \(DurationWords.of(retire)) by what it learned; \(closes)"
                return [Remark(subject: .idleLimit, kind: .warns, text: text)]
            }
            let text = "connd closes idle connections after \(DurationWords.of(retire)), before the origin does"
            return [Remark(subject: .idleLimit, kind: .agrees, text: text)]
        }
    }

    private static func set(outlasts age: Interval, _ inForce: OriginInForce) -> [Remark] {
        switch inForce.idleTimeout {
        case .fixed(let timeout) where timeout < half(age):
            let text =
                "idle_timeout is \(DurationWords.of(timeout)); the origin keeps idle connections longer than"
                + " \(DurationWords.of(age)): more connections could be used again"
            return [Remark(subject: .idleLimit, kind: .differs, text: text, setting: "idle_timeout=auto")]
        case .fixed, .auto: return []
        }
    }

    private static func half(_ length: Interval) -> Interval { Interval(nanoseconds: length.nanoseconds / 2) }

    // MARK: The others

    private static func requests(_ limit: RequestLimit, _ inForce: OriginInForce) -> [Remark] {
        switch limit {
        case .closesAfter(let count, announced: false) where count > 1:
            guard inForce.maxRequests == 0 || inForce.maxRequests >= count else { return [] }
            let text =
                "the origin ends a connection after \(count) requests without a word: the next request may be lost"
            return [
                Remark(
                    subject: .maxRequests, kind: .warns, text: text,
                    setting: "max_requests_per_connection=\(count)")
            ]
        case .moreThan(let count) where inForce.maxRequests > 0 && inForce.maxRequests < count:
            let text =
                "max_requests_per_connection is \(inForce.maxRequests); the origin allows more than \(count)"
            return [Remark(subject: .maxRequests, kind: .differs, text: text, setting: "max_requests_per_connection=0")]
        case .closesAfter, .moreThan, .overloaded: return []
        }
    }

    private static func pipelining(_ found: Pipelining, _ inForce: OriginInForce) -> [Remark] {
        guard inForce.pipelines else { return [] }
        switch found {
        case .answersBoth:
            let text = "pipelining is on, and the origin answers in order"
            return [Remark(subject: .pipelining, kind: .agrees, text: text)]
        case .closesAfterFirst, .dropsSecond, .refuses:
            let text = "pipelining is on, and the origin does not answer two requests that come together"
            return [Remark(subject: .pipelining, kind: .warns, text: text, setting: "pipelining=off")]
        }
    }
}
