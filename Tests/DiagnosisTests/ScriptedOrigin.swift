import ProxyTypes

@testable import Diagnosis

/// An origin of rules, and the clock, for one examination: what is opened and sent is answered after a round trip.
struct ScriptedOrigin {
    var address = IPAddress(ipv4: 0xC000_0201)
    var tls: TLSInfo?
    var roundTrip = Interval.milliseconds(10)
    var answer = ProbeAnswer()
    /// By method; all others are answered.
    var statuses: [ProbeRequest.Method: Int] = [:]
    var idleLimit: Interval?
    /// Of the connection with that number, where they differ.
    var idleLimits: [Int: Interval] = [:]
    /// On which the last answer says that it is.
    var maxRequests: Int?
    var saysItsMax = true
    var old10 = ProbeAnswer(version: .http10)
    var secondOfTwo = Second.answered
    var halfClose: ProbeEvent? = .answered(ProbeAnswer())
    var continues: ProbeEvent? = .interim(status: 100)
    var acknowledges: Interval? = .milliseconds(40)
    var refusal: NotOpened?
    /// From so many on.
    var refusesConnections: Int?
    var silentAfter: Interval?

    enum Second {
        case answered, closed, dropped
    }
}

/// Runs an examination against a scripted origin.
final class Run {
    private struct Event {
        let at: Instant
        let order: Int
        let id: ProbeID
        let event: ProbeEvent
    }

    private struct Connection {
        var answered = 0
        /// When the latest answer came or comes.
        var lastAnswer = Instant.zero
        var epoch = 0
    }

    var origin: ScriptedOrigin
    var examination: Examination
    private(set) var now = Instant.zero + .seconds(100)
    private var events: [Event] = []
    private var open: [ProbeID: Connection] = [:]
    private(set) var told: [IdleOutcome] = []
    private(set) var sent: [ProbeRequest] = []
    private(set) var mostOpen = 0
    private var order = 0

    init(_ origin: ScriptedOrigin, plan: ExaminationPlan = ExaminationPlan()) {
        self.origin = origin
        examination = Examination(plan, isEncrypted: origin.tls != nil)
    }

    func start() {
        act { $0.start(now: now, into: &$1) }
    }

    /// To the end, or until then.
    func finish(before end: Interval = .hours(1)) {
        if case .created = examination.state { start() }
        let last = now + end
        while !examination.isOver {
            guard nextTime <= last else {
                now = last
                return
            }
            step()
        }
    }

    private var nextTime: Instant {
        min(examination.nextDeadline, events.lazy.map(\.at).min() ?? .distantFuture)
    }

    /// What comes next.
    func step() {
        let due = examination.nextDeadline
        let next = events.min { ($0.at, $0.order) < ($1.at, $1.order) }
        now = max(now, min(due, next?.at ?? .distantFuture))
        if let next, next.at <= due {
            events.removeAll { $0.order == next.order }
            guard open[next.id] != nil else { return }
            act { $0.handle(next.event, of: next.id, now: now, into: &$1) }
        } else {
            act { $0.deadlineReached(now: now, into: &$1) }
        }
    }

    func stop(_ reason: StopReason) {
        act { examination, actions in examination.stop(reason, into: &actions) }
    }

    /// Which it has not closed.
    var openConnections: Int { open.count }

    func verdict(_ subject: Subject) -> Verdict? {
        examination.findings.first { $0.subject == subject }?.verdict
    }

    private func act(_ event: (inout Examination, inout [ExaminationAction]) -> Void) {
        var actions: [ExaminationAction] = []
        event(&examination, &actions)
        for action in actions { perform(action) }
    }

    private func later(_ time: Interval, _ id: ProbeID, _ event: ProbeEvent) {
        order += 1
        events.append(Event(at: now + time, order: order, id: id, event: event))
    }

    private func perform(_ action: ExaminationAction) {
        switch action {
        case .open(let id):
            open[id] = Connection()
            mostOpen = max(mostOpen, open.count)
            let isRefused = origin.refusesConnections.map { id.number >= $0 } ?? true
            if let refusal = origin.refusal, isRefused { return later(.zero, id, .notOpened(refusal)) }
            later(
                origin.roundTrip, id,
                .opened(
                    OpenedConnection(address: origin.address, connectTime: origin.roundTrip, tls: origin.tls)))
        case .send(let id, let requests): answer(requests, id)
        case .sendPart: break
        case .sendRest(let id, let request): answer([request], id)
        case .shutdownOutput(let id):
            events.removeAll { $0.id == id }
            if let event = origin.halfClose { later(origin.roundTrip, id, event) }
        case .askAcknowledgement(let id): later(.zero, id, .acknowledged(after: origin.acknowledges))
        case .close(let id): open[id] = nil
        case .tell(let outcome): told.append(outcome)
        }
    }

    private func answer(_ requests: [ProbeRequest], _ id: ProbeID) {
        sent += requests
        guard var connection = open[id] else { return }
        defer { open[id] = connection }
        // What was to happen to the idle connection, but for an end that is under way.
        events.removeAll { $0.id == id && $0.at > now + origin.roundTrip }
        if let silent = origin.silentAfter, connection.answered > 0, now - connection.lastAnswer >= silent { return }
        for (index, request) in requests.enumerated() {
            if request.expectsContinue {
                if let event = origin.continues { later(origin.roundTrip, id, event) }
                return
            }
            if index == 1, origin.secondOfTwo != .answered {
                if origin.secondOfTwo == .closed { later(origin.roundTrip, id, .ended(.fin)) }
                return
            }
            guard one(request, id, &connection) else { return }
        }
    }

    /// False: nothing follows it.
    private func one(_ request: ProbeRequest, _ id: ProbeID, _ connection: inout Connection) -> Bool {
        connection.answered += 1
        connection.lastAnswer = now + origin.roundTrip
        var answer = request.version == .http10 ? origin.old10 : origin.answer
        answer.status = origin.statuses[request.method] ?? answer.status
        let isLast = connection.answered == origin.maxRequests
        if isLast, origin.saysItsMax { (answer.persistent, answer.saysClose) = (false, true) }
        later(origin.roundTrip, id, .answered(answer))
        if isLast || !answer.persistent {
            later(origin.roundTrip, id, .ended(.fin))
            return false
        }
        if let limit = origin.idleLimits[id.number] ?? origin.idleLimit {
            later(origin.roundTrip + limit, id, .ended(.fin))
        }
        return true
    }
}
