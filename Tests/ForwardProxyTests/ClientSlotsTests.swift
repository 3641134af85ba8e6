import ProxyTypes
import Testing

@testable import ForwardProxy

@Suite("Slots of clients")
struct ClientSlotsTests {
    private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

    private func expect(
        _ slots: inout ClientSlots, _ now: Instant, _ wanted: ClientSlots.Candidate,
        at location: SourceLocation = #_sourceLocation
    ) {
        let choice = slots.evictionCandidate(now: now)
        #expect(choice == wanted, sourceLocation: location)
    }

    private func expect(
        _ slots: borrowing ClientSlots, isFull wanted: Bool, _ limit: Int,
        at location: SourceLocation = #_sourceLocation
    ) {
        let isFull = slots.isFull(limit)
        #expect(isFull == wanted, sourceLocation: location)
    }

    @Test("the longest idle is evicted, whatever the order in which they came")
    func longestIdle() {
        var slots = ClientSlots()
        let (a, b, c) = (slots.take(now: at(0)), slots.take(now: at(0)), slots.take(now: at(0)))
        for slot in [a, b, c] { slots.markBusy(slot) }
        slots.markIdle(b, now: at(10))
        slots.markIdle(c, now: at(20))
        slots.markIdle(a, now: at(30))
        slots.markBusy(b)
        slots.markIdle(b, now: at(40))
        expect(&slots, at(1000), .slot(c))
        slots.markBusy(c)
        expect(&slots, at(1000), .slot(a))
        slots.free(a)
        expect(&slots, at(1000), .slot(b))
    }

    @Test("nobody with a request under way, or a part of a head, is evicted")
    func busy() {
        var slots = ClientSlots()
        let (a, b) = (slots.take(now: at(0)), slots.take(now: at(0)))
        slots.markBusy(a)
        slots.markBusy(b)
        slots.markIdle(b, now: at(1))
        slots.markBusy(b)
        expect(&slots, at(100_000), .none)
    }

    @Test("an idle client is spared for a moment, since its next request may be on its way")
    func idleGrace() {
        var slots = ClientSlots()
        let a = slots.take(now: at(0))
        slots.markBusy(a)
        slots.markIdle(a, now: at(50))
        expect(&slots, at(149), .later(at(150)))
        expect(&slots, at(150), .slot(a))
    }

    @Test("who has not said a word is evicted after all who are idle, the first that came first, and not at once")
    func silent() {
        var slots = ClientSlots()
        let (old, first, second) = (slots.take(now: at(0)), slots.take(now: at(1)), slots.take(now: at(2)))
        slots.markBusy(old)
        slots.markIdle(old, now: at(5000))
        expect(&slots, at(5100), .slot(old))
        slots.markBusy(old)
        expect(&slots, at(5100), .slot(first))
        slots.markBusy(first)
        expect(&slots, at(1001), .later(at(1002)))
        expect(&slots, at(1002), .slot(second))
    }

    @Test("who only lingers holds no slot, up to a bound; beyond it the one that is silent longest ends")
    func lingering() {
        var slots = ClientSlots()
        let limit = 10
        let all = (0..<(ClientSlots.maxExempt + limit)).map { _ in slots.take(now: at(0)) }
        for slot in all { slots.markBusy(slot) }
        expect(slots, isFull: true, limit)
        for slot in all.prefix(ClientSlots.maxExempt) { slots.markLingering(slot, now: at(10)) }
        expect(slots, isFull: true, limit)
        expect(slots, isFull: false, limit + 1)
        slots.markIdle(all[ClientSlots.maxExempt], now: at(20))
        // The idle one would be one too many of those.
        expect(&slots, at(1000), .slot(all[0]))
        slots.markLingering(all[0], now: at(1000))
        expect(&slots, at(1000), .slot(all[1]))
        slots.free(all[1])
        expect(&slots, at(1000), .slot(all[ClientSlots.maxExempt]))
        slots.markLingering(all[ClientSlots.maxExempt], now: at(1000))
        expect(slots, isFull: false, limit)
    }

    /// Beside a model that looks at everybody each time.
    @Test("many random events", arguments: 1...20)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var slots = ClientSlots()
        var model = SlotModel()
        for step in 0..<4000 {
            model.now = model.now + .milliseconds(Int64(random.below(40)))
            change(&slots, &model, &random)
            let (found, wanted) = (slots.evictionCandidate(now: model.now), model.evictionCandidate)
            guard found == wanted, slots.taken == model.clients.count else {
                Issue.record("step \(step): \(found), not \(wanted)")
                return
            }
        }
    }

    /// One random event, in both.
    private func change(_ slots: inout ClientSlots, _ model: inout SlotModel, _ random: inout SeededRandom) {
        let taken = model.clients.keys.sorted()
        let slot = taken.isEmpty ? nil : taken[random.below(taken.count)]
        let isLingering = slot.map { model.clients[$0]?.state == .lingering } ?? false
        switch (random.below(12), slot) {
        case (0...1, _), (_, nil):
            let slot = slots.take(now: model.now)
            #expect(model.clients[slot] == nil)
            model.mark(slot, .silent)
        case (2, let slot?) where random.below(2) == 0:
            slots.free(slot)
            model.clients[slot] = nil
        case (3, let slot?):
            slots.markLingering(slot, now: model.now)
            model.mark(slot, .lingering)
        case (4...7, let slot?) where !isLingering:
            slots.markIdle(slot, now: model.now)
            model.mark(slot, .idle)
        case (_, let slot?) where !isLingering:
            slots.markBusy(slot)
            model.mark(slot, .busy)
        default: break
        }
    }
}

/// Slots as a list in which everybody is looked at each time.
private struct SlotModel {
    enum State { case silent, idle, busy, lingering }

    struct Client {
        let state: State
        let since: Instant
        /// Among those that came to be so at the same time.
        let order: Int
    }

    var clients: [UInt32: Client] = [:]
    var now = Instant.zero
    private var changes = 0

    mutating func mark(_ slot: UInt32, _ state: State) {
        changes += 1
        clients[slot] = Client(state: state, since: now, order: changes)
    }

    var evictionCandidate: ClientSlots.Candidate {
        let count = clients.values.count { $0.state == .lingering }
        if count > ClientSlots.maxExempt, let (slot, _) = longest(.lingering) { return .slot(slot) }
        let choice = quietest
        guard case .slot = choice, count >= ClientSlots.maxExempt else { return choice }
        return candidate(.lingering, after: ClientSlots.idleGrace)
    }

    /// Among those that hold a slot.
    private var quietest: ClientSlots.Candidate {
        let idle = candidate(.idle, after: ClientSlots.idleGrace)
        let silent = candidate(.silent, after: ClientSlots.silentGrace)
        switch (idle, silent) {
        case (.slot, _), (.later, .none): return idle
        case (_, .slot), (.none, _): return silent
        case (.later(let a), .later(let b)): return .later(min(a, b))
        }
    }

    private func candidate(_ state: State, after moment: Interval) -> ClientSlots.Candidate {
        guard let (slot, client) = longest(state) else { return .none }
        return client.since + moment <= now ? .slot(slot) : .later(client.since + moment)
    }

    private func longest(_ state: State) -> (key: UInt32, value: Client)? {
        clients.filter { $0.value.state == state }.min { $0.value.order < $1.value.order }
    }
}
