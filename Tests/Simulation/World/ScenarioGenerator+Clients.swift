import ProxyTypes
import Tuning

/// Clients, their requests, and the answers to these.
extension ScenarioGenerator {
    mutating func makeClient(origins: [OriginPlan]) -> ClientPlan {
        var plan = ClientPlan()
        plan.start = chance(70) ? milliseconds(0, 40) : milliseconds(0, 3000)
        plan.isOneShot = features.oneShot && chance(50)
        let count = pick(1, 1, 2, 3, 4, 6, 10)
        let usual = random.below(origins.count)
        let pipelines = features.clientPipelining && chance(60)
        let isOld = features.oldClients && chance(60)
        for place in 0..<count {
            let origin = chance(80) ? usual : random.below(origins.count)
            var request = makeRequest(origin, origins[origin], isLast: place == count - 1, isOld: isOld)
            // What is pipelined behind an answer that ends with the connection is lost.
            if pipelines, features.sparesOrigins {
                for index in request.answers.indices where request.answers[index].framing == .untilClose {
                    request.answers[index].framing = .length
                }
            }
            if pipelines, place > 0, plan.requests.last?.isPlainAndWhole == true, request.isPlainAndWhole {
                request.isPipelined = true
                request.think = .zero
            }
            plan.requests.append(request)
        }
        plan.ending = features.sparesOrigins ? pick(.close, .close, .fin) : pick(.close, .close, .fin, .reset, .wait)
        if features.slowReaders, chance(50) {
            plan.rests = (0..<pick(from: 1, to: 3)).map { _ in
                ClientPlan.Rest(
                    afterBytes: pick(from: 0, to: 20_000),
                    length: milliseconds(5, features.sparesOrigins || chance(80) ? 800 : 20_000))
            }.sorted { $0.afterBytes < $1.afterBytes }
        }
        if features.departures, chance(40) {
            plan.departure = ClientPlan.Departure(
                trigger: chance(60)
                    ? .after(milliseconds(0, chance(70) ? 100 : 3000)) : .bytesReceived(pick(from: 1, to: 3000)),
                manner: pick(.close, .fin, .reset, .wait))
            if features.silence, chance(50) { plan.departure?.manner = .silence }
        }
        if features.silence, !features.sparesOrigins, chance(20) { plan.ending = .silence }
        return plan
    }

    private mutating func makeRequest(_ origin: Int, _ originPlan: OriginPlan, isLast: Bool, isOld: Bool) -> RequestPlan
    {
        var request = RequestPlan(nonce: nextNonce(), origin: origin)
        if features.files, chance(30) {
            request.think = milliseconds(5000, 8500)
        } else {
            request.think = chance(60) ? .zero : chance(80) ? milliseconds(0, 60) : milliseconds(0, 6000)
        }
        if features.tunnels, isLast, chance(50) {
            request.kind = .tunnel(makeTunnel())
            request.verb = .connect
            return request
        }
        if features.upgrades, isLast, !isOld, chance(50) {
            request.kind = .upgrade(makeTunnel())
            request.answers = [AnswerPlan(delay: milliseconds(0, 10), status: chance(80) ? 101 : 200, size: 20)]
            return request
        }
        if features.garbage, isLast, chance(40) {
            request.kind = .garbage
            return request
        }
        request.minorVersion = isOld ? 0 : 1
        request.asksToPersist = chance(isOld ? 50 : 90)
        chooseMethod(&request)
        if originPlan.bindsConnections, chance(40) { request.logsIn = true }
        if features.pieces, chance(50) {
            request.writes = pick(from: 2, to: 6)
            request.pause = milliseconds(0, 20)
        }
        if features.stops, chance(20) {
            request.stop = RequestPlan.Stop(at: random.below(1000), manner: pick(.fin, .reset, .silence))
        }
        request.answers = (0..<pick(from: 1, to: 3)).map { _ in makeAnswer(request, originPlan) }
        return request
    }

    private mutating func chooseMethod(_ request: inout RequestPlan) {
        switch random.below(10) {
        case 0...4: request.verb = .get
        case 5: request.verb = features.heads ? .head : .get
        case 6: request.verb = pick(.delete, .options)
        case 7: request.verb = .put
        default: request.verb = .post
        }
        guard features.bodies, request.verb == .post || request.verb == .put else {
            if request.verb == .post { request.body = RequestPlan.Body(size: 0, isChunked: false) }
            return
        }
        let isChunked = features.chunked && request.minorVersion == 1 && chance(50)
        request.body = RequestPlan.Body(size: size(), isChunked: isChunked, hasTrailers: isChunked && chance(20))
        if features.expect, request.minorVersion == 1, chance(50) { request.expectsContinue = true }
    }

    private mutating func makeTunnel() -> TunnelPlan {
        var plan = TunnelPlan(
            fromClient: 16 + size(), fromOrigin: size(), writes: pick(1, 1, 3), pause: milliseconds(0, 20))
        guard !features.sparesOrigins else {
            plan.ending = pick(.both, .clientCloses, .originCloses)
            return plan
        }
        plan.ending = pick(.both, .both, .clientCloses, .originCloses, .clientResets, .originResets, .nobody)
        if chance(30) {
            let place = random.below(1000)
            let way: TunnelPlan.Break = features.silence ? .silence : pick(.fin, .reset)
            plan.ending = chance(50) ? .clientBreaks(at: place, way) : .originBreaks(at: place, way)
        }
        return plan
    }

    private mutating func makeAnswer(_ request: RequestPlan, _ origin: OriginPlan) -> AnswerPlan {
        var plan = AnswerPlan()
        plan.delay = chance(50) ? .zero : chance(85) ? milliseconds(0, 30) : milliseconds(0, 800)
        plan.size = size()
        plan.framing = features.chunked ? pick(.length, .chunked) : .length
        plan.hasTrailers = plan.framing == .chunked && chance(20)
        if features.untilClose, chance(25) { plan.framing = .untilClose }
        plan.status = pick(200, 200, 200, 200, 404, 500, 301)
        if chance(5) {
            plan.status = pick(204, 304)
            plan.framing = .none
            plan.size = 0
        }
        if features.interim, chance(40) { plan.interim = pick(from: 1, to: 2) }
        if features.pieces, chance(50) {
            plan.writes = pick(from: 2, to: 6)
            plan.pause = milliseconds(0, 20)
        }
        if features.closingAnswers, chance(20) { plan.ending = .sayClose }
        if origin.bindsConnections, request.logsIn, chance(30) {
            plan.status = 401
            plan.challenges = true
            if plan.framing == .none { plan.framing = .length }
        }
        if !features.sparesOrigins { spoil(&plan) }
        if origin.tls != nil { chooseEnd(&plan) }
        if features.stale, chance(60) { plan.fault = AnswerPlan.Fault(kind: pick(.fin, .reset), at: 0) }
        return plan
    }

    private mutating func spoil(_ plan: inout AnswerPlan) {
        if features.earlyAnswers, chance(30) { plan.isEarly = true }
        if features.closingAnswers, chance(20) { plan.ending = .close }
        if features.badAnswers, chance(40), plan.framing != .untilClose { plan.speaksOn = true }
        if features.cutAnswers, chance(25) {
            // With a FIN an answer without a length is whole.
            let kinds: [AnswerPlan.Fault.Kind] = plan.framing == .untilClose ? [.reset] : [.fin, .reset]
            let place = chance(40) ? 0 : random.below(1000)
            let kind = place == 0 ? pick(.fin, .reset) : kinds[random.below(kinds.count)]
            plan.fault = AnswerPlan.Fault(kind: kind, at: place)
        }
        if features.stalls, chance(15) {
            plan.fault = AnswerPlan.Fault(kind: pick(.stall, .vanish), at: random.below(1000))
        }
        if features.silence, chance(10) { plan.fault = AnswerPlan.Fault(kind: .silence, at: random.below(1000)) }
        if features.badAnswers, chance(10) {
            plan.fault = AnswerPlan.Fault(kind: .garbage, at: plan.framing == .chunked ? pick(0, 500) : 0)
        }
    }
}

extension RequestPlan {
    var isPlainAndWhole: Bool {
        guard case .plain = kind, stop == nil else { return false }
        return !expectsContinue && !logsIn && minorVersion == 1 && asksToPersist
    }
}
