import ProxyTypes
import Testing

@testable import ForwardProxy

@Suite("Places of clients")
struct ClientPlacesTests {
    private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

    private func expect(
        _ places: inout ClientPlaces, _ now: Instant, _ wanted: ClientPlaces.Choice,
        at location: SourceLocation = #_sourceLocation
    ) {
        let choice = places.choose(now: now)
        #expect(choice == wanted, sourceLocation: location)
    }

    private func expect(
        _ places: borrowing ClientPlaces, isFull wanted: Bool, _ limit: Int,
        at location: SourceLocation = #_sourceLocation
    ) {
        let isFull = places.isFull(limit)
        #expect(isFull == wanted, sourceLocation: location)
    }

    @Test("the longest idle gives way, whatever the order in which they came")
    func longestIdle() {
        var places = ClientPlaces()
        let (a, b, c) = (places.enter(now: at(0)), places.enter(now: at(0)), places.enter(now: at(0)))
        for place in [a, b, c] { places.busy(place) }
        places.idle(b, now: at(10))
        places.idle(c, now: at(20))
        places.idle(a, now: at(30))
        places.busy(b)
        places.idle(b, now: at(40))
        expect(&places, at(1000), .place(c))
        places.busy(c)
        expect(&places, at(1000), .place(a))
        places.leave(a)
        expect(&places, at(1000), .place(b))
    }

    @Test("nobody with a request under way, or a part of a head, gives way")
    func busy() {
        var places = ClientPlaces()
        let (a, b) = (places.enter(now: at(0)), places.enter(now: at(0)))
        places.busy(a)
        places.busy(b)
        places.idle(b, now: at(1))
        places.busy(b)
        expect(&places, at(100_000), .nobody)
    }

    @Test("an idle client is spared for a moment, since its next request may be on its way")
    func settled() {
        var places = ClientPlaces()
        let a = places.enter(now: at(0))
        places.busy(a)
        places.idle(a, now: at(50))
        expect(&places, at(149), .later(at(150)))
        expect(&places, at(150), .place(a))
    }

    @Test("who has not said a word gives way after all who are idle, the first that came first, and not at once")
    func unspoken() {
        var places = ClientPlaces()
        let (old, first, second) = (places.enter(now: at(0)), places.enter(now: at(1)), places.enter(now: at(2)))
        places.busy(old)
        places.idle(old, now: at(5000))
        expect(&places, at(5100), .place(old))
        places.busy(old)
        expect(&places, at(5100), .place(first))
        places.busy(first)
        expect(&places, at(1001), .later(at(1002)))
        expect(&places, at(1002), .place(second))
    }

    @Test("who only lingers holds no place, up to a bound; beyond it the one that is silent longest ends")
    func lingering() {
        var places = ClientPlaces()
        let limit = 10
        let all = (0..<(ClientPlaces.mostBeyond + limit)).map { _ in places.enter(now: at(0)) }
        for place in all { places.busy(place) }
        expect(places, isFull: true, limit)
        for place in all.prefix(ClientPlaces.mostBeyond) { places.lingers(place, now: at(10)) }
        expect(places, isFull: true, limit)
        expect(places, isFull: false, limit + 1)
        places.idle(all[ClientPlaces.mostBeyond], now: at(20))
        // The idle one would be one too many of those.
        expect(&places, at(1000), .place(all[0]))
        places.lingers(all[0], now: at(1000))
        expect(&places, at(1000), .place(all[1]))
        places.leave(all[1])
        expect(&places, at(1000), .place(all[ClientPlaces.mostBeyond]))
        places.lingers(all[ClientPlaces.mostBeyond], now: at(1000))
        expect(places, isFull: false, limit)
    }

    /// Beside a model that looks at everybody each time.
    @Test("many random events", arguments: 1...20)
    func model(seed: UInt64) {
        struct Client {
            var state: String
            var since: Instant
            /// Among those that came to be so at the same time.
            var order: Int
        }
        var random = SeededRandom(seed: seed)
        var places = ClientPlaces()
        var model: [UInt32: Client] = [:]
        var now = Instant.zero
        func longest(_ state: String) -> (key: UInt32, value: Client)? {
            model.filter { $0.value.state == state }.min { $0.value.order < $1.value.order }
        }
        func choice(_ state: String, after moment: Interval) -> ClientPlaces.Choice {
            guard let (place, client) = longest(state) else { return .nobody }
            return client.since + moment <= now ? .place(place) : .later(client.since + moment)
        }
        func expected() -> ClientPlaces.Choice {
            let ending = choice("lingering", after: ClientPlaces.settled)
            let count = model.values.count { $0.state == "lingering" }
            if count > ClientPlaces.mostBeyond, let (place, _) = longest("lingering") { return .place(place) }
            let idle = choice("idle", after: ClientPlaces.settled)
            let unspoken = choice("unspoken", after: ClientPlaces.patience)
            var silent = idle
            switch (idle, unspoken) {
            case (.place, _): break
            case (_, .place), (.nobody, _): silent = unspoken
            case (.later(let a), .later(let b)): silent = .later(min(a, b))
            case (.later, .nobody): break
            }
            if case .place = silent, count >= ClientPlaces.mostBeyond { return ending }
            return silent
        }
        for step in 0..<4000 {
            now = now + .milliseconds(Int64(random.below(40)))
            let keys = model.keys.sorted()
            let place = keys.isEmpty ? nil : keys[random.below(keys.count)]
            switch (random.below(12), place) {
            case (0...1, _), (_, nil):
                let place = places.enter(now: now)
                #expect(model[place] == nil)
                model[place] = Client(state: "unspoken", since: now, order: step)
            case (2, let place?) where random.below(2) == 0:
                places.leave(place)
                model[place] = nil
            case (3, let place?):
                places.lingers(place, now: now)
                model[place] = Client(state: "lingering", since: now, order: step)
            case (4...7, let place?) where model[place]?.state != "lingering":
                places.idle(place, now: now)
                model[place] = Client(state: "idle", since: now, order: step)
            case (_, let place?) where model[place]?.state != "lingering":
                places.busy(place)
                model[place]?.state = "busy"
            default: break
            }
            let (found, wanted) = (places.choose(now: now), expected())
            guard found == wanted, places.taken == model.count else {
                Issue.record("step \(step): \(found), not \(wanted)")
                return
            }
        }
    }
}
