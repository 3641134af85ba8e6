import ProxyTypes
import Tuning

/// What the operator and the environment do during the run.
extension ScenarioGenerator {
    mutating func makeHappenings(origins: [OriginPlan]) -> [Happening] {
        var made: [Happening] = []
        func add(_ at: Interval, _ what: Happening.What) { made.append(Happening(at: at, what: what)) }
        if features.orders {
            for _ in 0..<pick(from: 1, to: 6) { add(time(), order(origins)) }
        }
        if features.files { addFiles(origins, add) }
        if features.listeners { for _ in 0..<pick(1, 1, 2) { add(time(), .changeListeners) } }
        if features.clocks {
            for _ in 0..<pick(1, 2) { add(time(), .wallClock(Int64(pick(-1, 1) * pick(1000, 86_400_000)))) }
            if !features.sparesOrigins, chance(50) { add(time(), .suspend(milliseconds(100, 100_000))) }
        }
        if features.restarts {
            for _ in 0..<pick(1, 1, 2) {
                add(time(), chance(50) ? .restart(origin: random.below(origins.count)) : endIdle(origins))
            }
        }
        if features.reach { addReach(origins, add) }
        if features.names {
            let index = random.below(origins.count)
            let names: OriginPlan.Names = chance(30) ? .last(pick(1, 2)) : pick(.noSuchName, .failed)
            add(chance(40) ? .zero : time(), .names(origin: index, names))
            if chance(70) { add(time(), .names(origin: index, .addresses)) }
        }
        if features.descriptors {
            let at = time()
            add(at, .descriptors(pick(0, 1, 2, 5)))
            add(at + .milliseconds(500), .descriptors(nil))
        }
        if features.stopping { addStop(add) }
        return made.sorted { $0.at < $1.at }
    }

    /// Mostly while the first connections are dialled and used.
    private mutating func time() -> Interval {
        switch random.below(8) {
        case 0...1: milliseconds(0, 40)
        case 2...5: milliseconds(0, 150)
        default: milliseconds(0, 4000)
        }
    }

    private mutating func endIdle(_ origins: [OriginPlan]) -> Happening.What {
        .endIdle(origin: random.below(origins.count), pick(.fin, .fin, .reset, .vanish, .speak))
    }

    private mutating func addReach(_ origins: [OriginPlan], _ add: (Interval, Happening.What) -> Void) {
        let index = random.below(origins.count)
        let address = random.below(origins[index].addressCount)
        var reach: Happening.Reach = pick(
            .refused, .refused, .blackHole, .blackHole, .noRoute, .noLocalPort, .timesOut, .hostUnreachable)
        if features.silence, chance(60) { reach = .silent }
        add(chance(40) ? .zero : time(), .reach(origin: index, address: address, reach))
        if chance(70) { add(time(), .reach(origin: index, address: address, .open)) }
    }

    private mutating func addStop(_ add: (Interval, Happening.What) -> Void) {
        let at = time()
        if chance(70) {
            add(at, .stop(grace: milliseconds(10, chance(50) ? 500 : 8000)))
            if chance(20) { add(at + milliseconds(0, 100), .stopAtOnce) }
        } else {
            add(at, .stopAtOnce)
        }
    }

    private mutating func order(_ origins: [OriginPlan]) -> Happening.What {
        let index = random.below(origins.count)
        switch random.below(features.sparesOrigins ? 6 : 13) {
        case 0: return chance(70) ? .drain(origin: index) : .reload
        case 1: return .reconnect(origin: index)
        case 2: return .prewarm(origin: index, pick(from: 1, to: 4))
        case 3: return .drain(origin: index)
        case 4: return .forget(origin: index)
        case 5: return .settings(origin: index, changed(origins[index]))
        case 6: return .pause(origin: index)
        case 7: return .resume(origin: index)
        case 8: return .closeConnection(random.below(20), force: chance(60))
        case 9: return .clientLimit(pick(from: 1, to: 20))
        case 10: return .upstreamLimit(pick(from: 1, to: 20))
        case 11: return .denies(origin: chance(50) ? index : nil)
        default: return .settings(origin: index, changed(origins[index]))
        }
    }

    private mutating func changed(_ origin: OriginPlan) -> EffectiveSettings {
        var settings = makeSettings()
        if let tls = origin.tls { choose(tls, &settings) }
        // Clients that are bound to one connection wait for each other.
        if origin.bindsConnections { settings.pipelining = .off }
        return settings
    }
}
