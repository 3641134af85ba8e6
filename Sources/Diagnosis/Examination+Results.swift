package import ProxyTypes

/// What the examination is doing. Value.
package struct ExaminationProgress: Equatable, Sendable {
    package var doing: Subject?
    /// Connections that are idle and watched, and for how long the first of them has been.
    package var idleConnections = 0
    package var idleFor = Interval.zero
    package var requests = 0
    package var connections = 0
}

extension Verdict {
    /// The status by which the origin said that it is asked too much.
    var overload: Int? {
        switch self {
        case .notMeasured(.overload(let status)), .maxRequests(.overloaded(_, let status)): status
        default: nil
        }
    }
}

/// From what the probes have shown to findings.
extension Examination {
    package func progress(now: Instant) -> ExaminationProgress {
        var progress = ExaminationProgress()
        (progress.requests, progress.connections) = (requests, connections)
        for probe in running {
            switch probe.role {
            case .stage(let stage): progress.doing = stage.subject
            case .watcher:
                guard let since = (probe.probe as? IdleWatch)?.idleSince else { continue }
                progress.idleConnections += 1
                progress.idleFor = max(progress.idleFor, now - since)
            }
        }
        return progress
    }

    mutating func add(_ subject: Subject, _ verdict: Verdict) {
        let order = Subject.allCases
        let rank = order.firstIndex(of: subject) ?? 0
        let place = findings.firstIndex { (order.firstIndex(of: $0.subject) ?? 0) > rank } ?? findings.count
        findings.insert(Finding(subject, verdict), at: place)
    }

    private func has(_ subject: Subject) -> Bool { findings.contains { $0.subject == subject } }

    /// The first probe is over: what it has shown decides what is worth asking.
    mutating func contacted(
        by asked: ProbeRequest.Method, _ probe: PersistenceProbe?, _ verdict: Verdict, now: Instant
    ) {
        guard let contact = probe?.contact else { return add(.contact, verdict) }
        if probe?.refusesMethod ?? false, asked == .head {
            stages = [.contact(.get)]
            return
        }
        method = asked
        add(.contact, .contact(contact))
        add(.persistence11, verdict)
        add(.hints, .hints(probe?.hints ?? KeepAliveHints()))
        let last: [Stage] = plan.postPath == nil ? [] : [.expectContinue]
        guard case .persistence(let persistence) = verdict else { return }
        switch persistence {
        case .keeps:
            stages = [.persistence10, .maxRequests, .pipelining, .halfClose, .acknowledgement] + last
            if plan.wait > .zero { watchersDue = ExaminationPlan.watchers.map { now + $0 } }
        case .closes: closes(announced: true, last)
        case .closesUnannounced: closes(announced: false, last)
        }
    }

    private mutating func closes(announced: Bool, _ last: [Stage]) {
        stages = [.persistence10, .halfClose] + last
        add(.maxRequests, .maxRequests(.closesAfter(1, announced: announced)))
        for subject in [Subject.idleLimit, .pipelining, .acknowledgement] { add(subject, .notMeasured(.notKept)) }
    }

    mutating func finish(stopped: StopReason?) {
        watchersDue = []
        stages = []
        state = .over(stopped: stopped)
        guard case .contact? = findings.first?.verdict else {
            if findings.isEmpty, let stopped { add(.contact, .notMeasured(.stopped(stopped))) }
            return
        }
        if !has(.idleLimit) { add(.idleLimit, idleVerdict(stopped)) }
        add(.tls, resumption)
        add(.addresses, .addresses(spread))
        for subject in Subject.allCases where !has(subject) { add(subject, .notMeasured(whyNot(subject, stopped))) }
    }

    private func whyNot(_ subject: Subject, _ stopped: StopReason?) -> Obstacle {
        if subject == .expectContinue, plan.postPath == nil { return .notAsked }
        if let stopped { return .stopped(stopped) }
        return findings.lazy.compactMap(\.verdict.overload).first.map { .overload(status: $0) } ?? .notKept
    }

    private func idleVerdict(_ stopped: StopReason?) -> Verdict {
        if let limit = IdleVerdict.of(outcomes, wait: plan.wait) { return .idleLimit(limit) }
        if plan.wait <= .zero { return .notMeasured(.notAsked) }
        return .notMeasured(watchFailure ?? whyNot(.idleLimit, stopped))
    }

    /// Of all connections but the first: only those had a session of this examination to resume.
    private var resumption: Verdict {
        guard isEncrypted else { return .notMeasured(.notEncrypted) }
        let sessions = opened.compactMap(\.tls)
        guard let first = sessions.first else { return .notMeasured(.notKept) }
        return .resumption(
            Resumption(
                version: first.version, cipher: first.cipher, resumed: sessions.dropFirst().count(where: \.isResumed),
                connections: sessions.count - 1, isVerified: first.isVerified))
    }

    private var spread: AddressSpread {
        var used: [AddressSpread.Use] = []
        for connection in opened {
            guard let address = connection.address else { continue }
            if let index = used.firstIndex(where: { $0.address == address }) {
                used[index].connections += 1
                used[index].connectTime = min(used[index].connectTime, connection.connectTime)
            } else {
                used.append(
                    AddressSpread.Use(address: address, connections: 1, connectTime: connection.connectTime))
            }
        }
        used.sort { ($1.connections, $0.address) < ($0.connections, $1.address) }
        return AddressSpread(used: used, known: knownAddresses)
    }
}
