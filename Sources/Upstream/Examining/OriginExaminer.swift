package import Diagnosis
import HTTPWire
import Pooling
package import ProxyTypes
import Reactor
import Resolving
import TLS
import Tuning

/// Performs one examination: opens the connections as the origin's own would be, within its limits and after its requests,
/// and tells the examination what happens. It decides nothing but when to give way. Loop-bound.
package final class OriginExaminer {
    private enum Line {
        case dialling(Dial)
        case open(ExaminedConnection)
    }

    package let origin: Origin
    /// What was in force when it began.
    package let inForce: OriginInForce
    /// When it was over.
    package private(set) var inForceAfter: OriginInForce?
    /// Milliseconds since 1970.
    package let startedAt: Int64
    package private(set) var endedAt: Int64?
    private unowned let loop: UpstreamLoop
    private let pool: UpstreamPool
    private let settings: EffectiveSettings
    private let userAgent: String
    private var examination: Examination
    private var lines: [ProbeID: Line] = [:]
    private let load = AddressLoad()
    private let timer = Deadline()
    /// Told while others are being handled.
    private var events: [(ProbeID, ProbeEvent)] = []
    private var isHandling = false

    /// How soon it gives way to requests that wait.
    private static let tick = Interval.milliseconds(100)

    init(_ pool: UpstreamPool, _ plan: ExaminationPlan, userAgent: String) {
        loop = pool.loop
        self.pool = pool
        origin = pool.origin
        inForce = pool.inForce
        self.userAgent = userAgent
        var settings = pool.settings
        // Each address has its share: they may differ.
        settings.addressOrder = .spread
        self.settings = settings
        startedAt = loop.wallClock
        examination = Examination(plan, isEncrypted: pool.tlsProfile != nil)
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    package var plan: ExaminationPlan { examination.plan }
    package var state: Examination.State { examination.state }
    package var findings: [Finding] { examination.findings }
    package var progress: ExaminationProgress { examination.progress(now: now) }
    package var isOver: Bool { examination.isOver }

    var now: Instant { loop.now }
    var headLimits: HeadLimits { loop.headLimits }

    func bytes(of request: ProbeRequest) -> [UInt8] {
        request.head(authority: origin.authority, userAgent: userAgent)
    }

    // MARK: Events

    func start() {
        handle { $0.start(now: now, into: &$1) }
    }

    package func stop(_ reason: StopReason) {
        handle { $0.stop(reason, into: &$1) }
    }

    func tell(_ event: ProbeEvent, of id: ProbeID) {
        events.append((id, event))
        guard !isHandling else { return }
        handle { _, _ in }
    }

    private func handle(_ event: (inout Examination, inout [ExaminationAction]) -> Void) {
        let isOuter = !isHandling
        isHandling = true
        var actions: [ExaminationAction] = []
        event(&examination, &actions)
        actions.forEach(perform)
        guard isOuter else { return }
        while !events.isEmpty {
            let (id, event) = events.removeFirst()
            var actions: [ExaminationAction] = []
            examination.handle(event, of: id, now: now, into: &actions)
            actions.forEach(perform)
        }
        isHandling = false
        if examination.isOver { end() } else { loop.timer.wake(timer, at: nextWake) }
    }

    private var nextWake: Instant { min(examination.nextDeadline, now + Self.tick) }

    private func end() {
        loop.timer.remove(timer)
        guard endedAt == nil else { return }
        endedAt = loop.wallClock
        inForceAfter = pool.inForce
        Invariant.check(lines.isEmpty, "an examination is over and has connections")
    }

    /// Why it has to give way.
    private var obstacle: StopReason? {
        if pool.isForgotten { return .forgotten }
        if pool.isPaused { return .paused }
        guard pool.dialsForAllWaiting, !loop.isTotalContended, pool.hasRoomForGuests else { return .trafficWaits }
        return nil
    }

    // MARK: Actions

    private func perform(_ action: ExaminationAction) {
        switch action {
        case .open(let id): open(id)
        case .send(let id, let requests): connection(id)?.send(requests)
        case .sendPart(let id, let request): connection(id)?.sendPart(request)
        case .sendRest(let id, let request): connection(id)?.sendRest(request)
        case .shutdownOutput(let id): connection(id)?.shutdownOutput()
        case .askAcknowledgement(let id):
            guard let connection = connection(id) else { return }
            events.append((id, .acknowledged(after: connection.acknowledgedAfter)))
        case .close(let id): close(id)
        case .tell(let outcome): pool.examined(outcome, now: now)
        }
    }

    private func connection(_ id: ProbeID) -> ExaminedConnection? {
        if case .open(let connection)? = lines[id] { connection } else { nil }
    }

    private func open(_ id: ProbeID) {
        guard pool.takeForGuest() else { return events.append((id, .notOpened(.noRoom))) }
        let dial = Dial(
            origin: origin, protection: pool.tlsProfile.map { .tls($0) } ?? .none, settings: settings, loop: loop,
            load: load)
        lines[id] = .dialling(dial)
        dial.start { [unowned self] result in dialled(id, result) }
    }

    private func dialled(_ id: ProbeID, _ result: Result<DialledStream, ProxyError>) {
        guard case .dialling? = lines[id] else {
            Invariant.broken("a dial of an examination ends that is not under way")
            return
        }
        switch result {
        case .failure(let error): tell(.notOpened(.failed(error.detail)), of: id)
        case .success(let dialled):
            let connection = ExaminedConnection(id, dialled.stream, of: self)
            lines[id] = .open(connection)
            connection.start()
            let address = dialled.stream.remoteEndpoint?.address
            if let address { load.add(address) }
            noteAddresses()
            tell(
                .opened(
                    OpenedConnection(
                        address: address, connectTime: dialled.times.connect + dialled.times.tls, tls: dialled.tls)),
                of: id)
        }
    }

    private func noteAddresses() {
        guard IPAddress(origin.hostForLookup) == nil else { return }
        let key = NameKey(origin.hostForLookup, settings.resolver)
        if let name = loop.addresses.snapshots(of: [key]).first { examination.noteAddresses(name.addresses.count) }
    }

    private func close(_ id: ProbeID) {
        guard let line = lines.removeValue(forKey: id) else { return }
        switch line {
        case .dialling(let dial): dial.cancel()
        case .open(let connection): connection.close()
        }
        pool.guestLeft(now: now)
    }
}

extension OriginExaminer: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        guard !examination.isOver else { return .distantFuture }
        if let obstacle {
            stop(obstacle)
        } else if examination.nextDeadline <= now {
            handle { $0.deadlineReached(now: now, into: &$1) }
        }
        return examination.isOver ? .distantFuture : nextWake
    }
}
