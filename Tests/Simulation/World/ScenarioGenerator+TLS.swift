import ProxyTypes
import Tuning

/// Origins that speak TLS, and what goes wrong with it.
extension ScenarioGenerator {
    mutating func addTLS(_ origin: inout OriginPlan) {
        let tls = makeTLS()
        origin.tls = tls
        choose(tls, &origin.settings)
        guard !features.sparesOrigins, let end = origin.idleEnd, chance(50) else { return }
        let delay = chance(60) ? microseconds(below: 1500) : end.after
        origin.idleEnd = IdleEnd(after: delay, manner: pick(.finAlone, .finAlone, .closeNotify, .alert))
    }

    private mutating func makeTLS() -> TLSPlan {
        var plan = TLSPlan()
        plan.version = pick(.v1_3, .v1_3, .v1_2)
        plan.tickets = pick(0, 1, 1, 2, 4)
        plan.ticketTime = pick(
            .withHandshake, .after(.zero), .after(milliseconds(0, 60)), .after(milliseconds(0, 2000)), .withAnswers,
            .behindAnswers(microseconds(below: 1500)))
        if chance(25) { plan.ticketSplit = milliseconds(0, 60) }
        plan.ticketLifetime = chance(80) ? .seconds(3600) : milliseconds(1, 500)
        plan.resumption = pick(.always, .always, .sometimes, .never)
        plan.recordSize = chance(50) ? Records.maxPayload : pick(1, 2, 100, 1000)
        if chance(20) { plan.keyUpdates = TLSPlan.KeyUpdates(perWrite: pick(1, 1, 3), askForAnswers: chance(70)) }
        plan.announcesEnds = chance(70)
        if chance(20) { plan.endDelay = milliseconds(1, 100) }
        plan.isOriginated = chance(30)
        plan.file = pick(nil, "ca-1.pem", "ca-2.pem")
        plan.handshakes = (0..<pick(0, 1, 3, 8)).map { _ in makeHandshake() }
        return plan
    }

    private mutating func makeHandshake() -> TLSPlan.Handshake {
        var handshake = TLSPlan.Handshake()
        if chance(30) {
            handshake.writes = pick(2, 3, 20)
            handshake.pause = milliseconds(0, 20)
        }
        guard features.badTLS, chance(50) else { return handshake }
        handshake.fault = pick(
            .cut(at: random.below(1000), pick(.fin, .reset, .silence)),
            .cut(at: random.below(1000), pick(.fin, .reset, .silence)), .alert, .silence, .garbage,
            .badCertificate(pick(.expired, .wrongName, .unknownIssuer)), .otherKey, .endsAtOnce, .speaksAtOnce)
        return handshake
    }

    /// A profile that lets the origin in, unless TLS is to go wrong.
    mutating func choose(_ plan: TLSPlan, _ settings: inout EffectiveSettings) {
        settings.tls = plan.isOriginated ? .originate : .asScheme
        settings.tlsVerify = pick(.full, .full, .full, .none)
        settings.tlsMinVersion = plan.version == .v1_2 ? .v1_2 : pick(.v1_2, .v1_3)
        settings.tlsCaFile = plan.file
        settings.tlsServerName = pick(nil, nil, "a.test", "b.test")
        let pins = [plan.key, 9].compactMap { ServerHello.pin(of: $0) }
        settings.tlsPins = pick([], [], Array(pins.prefix(1)), pins)
        settings.tlsTimeout = features.sparesOrigins ? .minutes(1) : .seconds(5)
        if features.shortTimeouts { settings.tlsTimeout = milliseconds(20, 1000) }
        guard features.badTLS, chance(10) else { return }
        settings.tlsMinVersion = .v1_3
        settings.tlsPins = Array(pins.suffix(1))
    }

    /// How an answer that ends its connection ends it.
    mutating func chooseEnd(_ answer: inout AnswerPlan) {
        if !features.sparesOrigins || answer.framing != .untilClose { answer.endsUnannounced = chance(30) }
        guard !features.sparesOrigins else { return }
        if features.cutAnswers, chance(10) { answer.fault = AnswerPlan.Fault(kind: .fin, at: random.below(1000)) }
        if features.badTLS, chance(8) {
            answer.fault = AnswerPlan.Fault(kind: .alert, at: chance(50) ? 0 : random.below(1000))
        }
        if features.badTLS, chance(1) { answer.fault = AnswerPlan.Fault(kind: .flood, at: random.below(1000)) }
    }

    mutating func addFiles(_ origins: [OriginPlan], _ add: (Interval, Happening.What) -> Void) {
        for _ in 0..<pick(1, 1, 2) {
            let index = random.below(origins.count)
            let at = milliseconds(0, 1500)
            if !features.sparesOrigins, chance(20) { add(at, .files(origin: index, usable: false)) }
            add(at + milliseconds(0, 2500), .files(origin: index, usable: true))
        }
    }
}
