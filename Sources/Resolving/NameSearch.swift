import ProxyTypes

/// Decides what is asked of DNS for one name, in which order, and when that is enough: both families at a time, and the
/// names of the search domains one after the other. It asks nothing itself and reads no clock. Value.
///
/// ```
///           both: no address, or failed       one has addresses, the other is silent
/// asking ──────────────────────────▶ asking the next name      asking ─────────▶ settling ──▶ over
///    │ an address, or no answer in time                              50 ms or the other answer │
///    └──────────────────────────────────────────────────────────────────────────▶ over ◀───────┘
/// ```
///
/// It goes on where the C library does: a domain in which every name exists, but without an address, or whose servers
/// fail, must not hide all other names. What failed on the way makes the whole a failure, not an absence.
struct NameSearch {
    enum Family: Sendable {
        case ipv4, ipv6
    }

    enum Step: Equatable {
        /// Both families of this name.
        case ask(String)
        case wait
        /// `deadlineReached` is due then.
        case settle(until: Instant)
        case done(NameAnswer)
    }

    private enum Phase {
        case asking
        case settling(until: Instant)
        case over
    }

    /// What the names said that were asked for before.
    private struct Passed {
        var failure: String?
        var nameExists = false
        var ttl: Interval?

        mutating func note(_ answer: DNSAnswer) {
            switch answer {
            case .addresses: break
            case .absent(let exists, let ttl):
                nameExists = nameExists || exists
                self.ttl = [self.ttl, ttl].compactMap { $0 }.min()
            case .failed(let text, _): failure = failure ?? text
            }
        }
    }

    private let names: [String]
    private var position = 0
    private var passed = Passed()
    private var phase = Phase.asking
    private var ipv4: DNSAnswer?
    private var ipv6: DNSAnswer?

    /// How long the addresses of one family wait for those of the other: RFC 8305 section 3.
    static let resolutionDelay = Interval.milliseconds(50)
    /// How long a denial of one family waits for the other's answer: some servers deny what they do not know.
    static let denialDelay = Interval.seconds(1)

    /// `domains`: where a name with fewer than `minDots` dots is looked for first, and others last.
    init(_ name: String, domains: [String], minDots: Int) {
        names = Self.candidates(name, domains, minDots)
    }

    private static func candidates(_ name: String, _ domains: [String], _ minDots: Int) -> [String] {
        guard !name.hasSuffix(".") else { return [name] }
        // The root may be a search domain.
        let within = domains.map { $0 == "." ? name : "\(name).\($0)" }.filter { $0.utf8.count < 254 }
        let dots = name.utf8.count { $0 == UInt8(ascii: ".") }
        return dots >= minDots ? [name] + within : within + [name]
    }

    mutating func start() -> Step { .ask(names[position]) }

    /// An answer about the name that was asked for last.
    mutating func answered(_ family: Family, _ answer: DNSAnswer, now: Instant) -> Step {
        switch family {
        case .ipv4: ipv4 = answer
        case .ipv6: ipv6 = answer
        }
        switch phase {
        case .asking, .settling: break
        // It comes after the end: it completes what was told then.
        case .over: return addition(family, answer)
        }
        guard ipv4 != nil, ipv6 != nil else {
            let delay: Interval
            switch answer {
            case .addresses: delay = Self.resolutionDelay
            case .absent(nameExists: false, _): delay = Self.denialDelay
            case .absent, .failed: return .wait
            }
            phase = .settling(until: now + delay)
            return .settle(until: now + delay)
        }
        return evaluate()
    }

    private mutating func evaluate() -> Step {
        guard let ipv4, let ipv6, Self.goesOn(after: ipv4), Self.goesOn(after: ipv6), position + 1 < names.count else {
            return end()
        }
        passed.note(ipv4)
        passed.note(ipv6)
        position += 1
        phase = .asking
        self.ipv4 = nil
        self.ipv6 = nil
        return .ask(names[position])
    }

    private static func goesOn(after answer: DNSAnswer) -> Bool {
        switch answer {
        case .absent, .failed(_, isTimeout: false): true
        case .addresses, .failed(_, isTimeout: true): false
        }
    }

    mutating func deadlineReached(now: Instant) -> Step {
        guard case .settling(let until) = phase else { return .wait }
        guard now >= until else { return .settle(until: until) }
        // That there is no such name is true of both families (RFC 8020).
        if let denial = ipv4 ?? ipv6, case .absent(nameExists: false, _) = denial {
            (ipv4, ipv6) = (denial, denial)
            return evaluate()
        }
        return end()
    }

    private func addition(_ family: Family, _ answer: DNSAnswer) -> Step {
        var result = result
        switch answer {
        case .addresses: break
        case .absent where result.hasAddresses: break
        case .absent, .failed: return .wait
        }
        switch family {
        case .ipv4: result.ipv6 = .unknown
        case .ipv6: result.ipv4 = .unknown
        }
        result.isAddition = true
        return .done(result)
    }

    private mutating func end() -> Step {
        phase = .over
        return .done(result)
    }

    private var result: NameAnswer {
        var answer = NameAnswer(ipv4: Self.family(ipv4), ipv6: Self.family(ipv6), source: .dns)
        for part in [ipv4, ipv6] {
            switch part {
            case .failed(let text, let isTimeout):
                answer.reason = text
                if isTimeout { answer.isTimeout = true }
            case .absent, .addresses, nil: break
            }
        }
        if answer.reason.isEmpty, !answer.hasAddresses { addPassed(to: &answer) }
        return answer
    }

    /// No name had an address.
    private func addPassed(to answer: inout NameAnswer) {
        if let failure = passed.failure {
            (answer.ipv4, answer.ipv6, answer.reason) = (.unknown, .unknown, failure)
            return
        }
        var all = passed
        if let ipv4 { all.note(ipv4) }
        if let ipv6 { all.note(ipv6) }
        if let ttl = passed.ttl {
            answer.ipv4.hold(atMost: ttl)
            answer.ipv6.hold(atMost: ttl)
        }
        answer.reason = all.nameExists ? "it has no address" : "there is no such name"
    }

    private static func family(_ answer: DNSAnswer?) -> NameAnswer.Family {
        switch answer {
        case .addresses(let list, let ttl): .addresses(list, ttl: ttl)
        case .absent(_, let ttl): .absent(ttl: ttl)
        case .failed, nil: .unknown
        }
    }
}
