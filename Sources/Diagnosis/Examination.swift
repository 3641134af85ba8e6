package import ProxyTypes

/// A connection of an examination. Value.
package struct ProbeID: Hashable, Sendable {
    package let number: Int
}

/// What the driver of an examination is to do. Value.
package enum ExaminationAction: Equatable, Sendable {
    case open(ProbeID)
    /// In one write.
    case send(ProbeID, [ProbeRequest])
    /// All but the end of its head.
    case sendPart(ProbeID, ProbeRequest)
    case sendRest(ProbeID, ProbeRequest)
    case shutdownOutput(ProbeID)
    /// `acknowledged` is to follow.
    case askAcknowledgement(ProbeID)
    case close(ProbeID)
    /// Something for the learner of idle limits.
    case tell(IdleOutcome)
}

/// Examines one origin: decides which connection is opened when, what is asked on it, and what that shows. It is told what
/// happens and performs nothing itself.
///
/// ```
/// created ──▶ contacting ──▶ probing, one probe after another ──▶ waiting for idle connections ──▶ over
///                  │             (idle connections are watched meanwhile)                           ▲
///                  └── no answer, stop ─────────────────────────────────────────────────────────────┘
/// ```
package struct Examination: Sendable {
    enum Stage: Hashable {
        case contact(ProbeRequest.Method)
        case persistence10, maxRequests, pipelining, halfClose, acknowledgement, expectContinue

        var subject: Subject {
            switch self {
            case .contact: .persistence11
            case .persistence10: .persistence10
            case .maxRequests: .maxRequests
            case .pipelining: .pipelining
            case .halfClose: .halfClose
            case .acknowledgement: .acknowledgement
            case .expectContinue: .expectContinue
            }
        }
    }

    enum Role: Hashable {
        case stage(Stage)
        case watcher
    }

    struct Running {
        let id: ProbeID
        let role: Role
        var probe: any Probe
        var deadline = Instant.distantFuture
        /// Of which the end is still to be sent.
        var part: ProbeRequest?
    }

    package enum State: Equatable, Sendable {
        case created, running
        /// `stopped`: before its time.
        case over(stopped: StopReason?)
    }

    package let plan: ExaminationPlan
    let isEncrypted: Bool
    package internal(set) var state = State.created
    /// In the order of the subjects.
    package internal(set) var findings: [Finding] = []
    package internal(set) var requests = 0
    package internal(set) var connections = 0
    package private(set) var startedAt = Instant.zero

    var stages: [Stage] = []
    var running: [Running] = []
    /// When the idle connections are to be opened.
    var watchersDue: [Instant] = []
    var outcomes: [IdleOutcome] = []
    /// Why a watcher saw nothing.
    var watchFailure: Obstacle?
    var method = ProbeRequest.Method.head
    var opened: [OpenedConnection] = []
    /// Addresses that the name has.
    var knownAddresses: Int?
    private var nextNumber = 0

    package init(_ plan: ExaminationPlan, isEncrypted: Bool) {
        self.plan = plan
        self.isEncrypted = isEncrypted
    }

    package var isOver: Bool { if case .over = state { true } else { false } }
    package var openConnections: Int { running.count }

    // MARK: Events

    package mutating func start(now: Instant, into actions: inout [ExaminationAction]) {
        guard case .created = state else { return }
        state = .running
        startedAt = now
        stages = [.contact(.head)]
        goOn(now: now, into: &actions)
    }

    package mutating func handle(
        _ event: ProbeEvent, of id: ProbeID, now: Instant, into actions: inout [ExaminationAction]
    ) {
        guard let index = running.firstIndex(where: { $0.id == id }) else { return }
        if case .opened(let connection) = event { opened.append(connection) }
        let step = running[index].probe.handle(event, now: now)
        perform(step, at: index, now: now, into: &actions)
        goOn(now: now, into: &actions)
    }

    package mutating func deadlineReached(now: Instant, into actions: inout [ExaminationAction]) {
        guard case .running = state else { return }
        for id in running.filter({ $0.deadline <= now }).map(\.id) {
            handle(.timer, of: id, now: now, into: &actions)
        }
        goOn(now: now, into: &actions)
    }

    package var nextDeadline: Instant {
        guard case .running = state else { return .distantFuture }
        return min(
            running.lazy.map(\.deadline).min() ?? .distantFuture, watchersDue.first ?? .distantFuture)
    }

    /// How many addresses the name has.
    package mutating func noteAddresses(_ count: Int) { knownAddresses = count }

    package mutating func stop(_ reason: StopReason, into actions: inout [ExaminationAction]) {
        guard !isOver else { return }
        for probe in running { actions.append(.close(probe.id)) }
        running = []
        finish(stopped: reason)
    }

    // MARK: What is next

    private mutating func goOn(now: Instant, into actions: inout [ExaminationAction]) {
        guard case .running = state else { return }
        while let due = watchersDue.first, due <= now {
            watchersDue.removeFirst()
            begin(.watcher, IdleWatch(request, wait: plan.wait), into: &actions)
        }
        // One at a time; one that is not begun leaves its turn to the next.
        while !running.contains(where: { $0.role != .watcher }), !stages.isEmpty {
            let stage = stages.removeFirst()
            begin(.stage(stage), probe(for: stage), into: &actions)
        }
        if running.isEmpty, stages.isEmpty, watchersDue.isEmpty { finish(stopped: nil) }
    }

    private var request: ProbeRequest { ProbeRequest(method: method, path: plan.path) }

    private func probe(for stage: Stage) -> any Probe {
        switch stage {
        case .contact(let method): return PersistenceProbe(ProbeRequest(method: method, path: plan.path))
        case .persistence10:
            var old = request
            old.version = .http10
            return PersistenceProbe(old)
        case .maxRequests: return RequestLimitProbe(request, most: ExaminationPlan.requestsOnOne)
        case .pipelining: return PipeliningProbe(request)
        case .halfClose: return HalfCloseProbe(request)
        case .acknowledgement: return AcknowledgementProbe(request)
        case .expectContinue:
            var begun = ProbeRequest(method: .post, path: plan.postPath ?? plan.path)
            begun.expectsContinue = true
            return ContinueProbe(begun)
        }
    }

    private mutating func begin(_ role: Role, _ probe: any Probe, into actions: inout [ExaminationAction]) {
        guard connections < ExaminationPlan.mostConnections else { return end(role, .notMeasured(.bound)) }
        connections += 1
        nextNumber += 1
        let id = ProbeID(number: nextNumber)
        running.append(Running(id: id, role: role, probe: probe))
        actions.append(.open(id))
    }

    // MARK: What a probe wants

    private mutating func perform(
        _ step: ProbeStep, at index: Int, now: Instant, into actions: inout [ExaminationAction]
    ) {
        let id = running[index].id
        switch step {
        case .wait(let until): running[index].deadline = until
        case .send(let asked):
            guard takes(asked.count) else { return close(index, .notMeasured(.bound), now: now, into: &actions) }
            let isBegun = asked.contains { $0.expectsContinue }
            running[index].deadline = now + (isBegun ? ExaminationPlan.extraTime : ExaminationPlan.patience)
            actions.append(.send(id, asked))
        case .sendLast(let last):
            guard takes(1) else { return close(index, .notMeasured(.bound), now: now, into: &actions) }
            running[index].deadline = now + ExaminationPlan.patience
            actions += [.send(id, [last]), .shutdownOutput(id)]
        case .sendPart(let request):
            guard takes(1) else { return close(index, .notMeasured(.bound), now: now, into: &actions) }
            running[index].part = request
            running[index].deadline = AcknowledgementProbe.due(now)
            actions.append(.sendPart(id, request))
        case .sendRest:
            running[index].deadline = now + ExaminationPlan.patience
            if let part = running[index].part { actions.append(.sendRest(id, part)) }
        case .askAcknowledgement:
            running[index].deadline = .distantFuture
            actions.append(.askAcknowledgement(id))
        case .tell(let outcome):
            outcomes.append(outcome)
            actions += [.tell(outcome), .close(id)]
            running.remove(at: index)
        case .end(let verdict): close(index, verdict, now: now, into: &actions)
        }
    }

    private mutating func takes(_ count: Int) -> Bool {
        guard requests + count <= ExaminationPlan.mostRequests else { return false }
        requests += count
        return true
    }

    private mutating func close(
        _ index: Int, _ verdict: Verdict, now: Instant, into actions: inout [ExaminationAction]
    ) {
        let ended = running.remove(at: index)
        actions.append(.close(ended.id))
        switch ended.role {
        case .watcher: end(.watcher, verdict)
        case .stage(.contact(let asked)): contacted(by: asked, ended.probe as? PersistenceProbe, verdict, now: now)
        case .stage(let stage): end(.stage(stage), verdict)
        }
    }

    private mutating func end(_ role: Role, _ verdict: Verdict) {
        switch role {
        case .watcher: if case .notMeasured(let obstacle) = verdict { watchFailure = watchFailure ?? obstacle }
        case .stage(let stage):
            add(stage.subject, verdict)
            if verdict.overload != nil { stages = [] }
        }
    }
}
