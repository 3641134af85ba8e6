package import ProxyTypes

/// Decides which of an origin's addresses is tried when, and which attempt wins: Happy Eyeballs v2, RFC 8305 sections 4
/// and 5, over addresses given as indices. It opens no connections and reads no clock. Value.
///
///     waiting ──> running ──> won ──(late attempts are cancelled)
///                    └──────> lost (all failed), or abandoned
///
/// Attempts begin in `order`: one at the start, the next when `delay` has passed, or at once when the last begun fails.
package struct DialRace: Sendable {
    package enum Family: UInt8, BitwiseCopyable, Sendable {
        case ipv4, ipv6
    }

    package enum Action: Equatable, BitwiseCopyable, Sendable {
        case attempt(Int)
        case cancel(Int)
        case won(Int)
        case allFailed
    }

    private enum Phase { case waiting, running, over }

    /// The addresses' indices: families in turn, beginning with the first address's (RFC 8305 section 4), and then the last
    /// resorts in the same way.
    package let order: [Int]
    /// When `deadlineReached` is due.
    package private(set) var nextDeadline = Instant.distantFuture

    private let delay: Interval
    private var phase = Phase.waiting
    private var begun = 0
    /// The attempts under way, in the order they began.
    private var underWay: [Int] = []

    /// `families[i]` is the family of address `i`, in the order of preference. The last `lastResorts` are tried after all
    /// others.
    package init(families: [Family], lastResorts: Int = 0, delay: Interval) {
        self.delay = delay
        let first = families.count - min(max(lastResorts, 0), families.count)
        guard families.count > 1 else {
            order = families.isEmpty ? [] : [0]
            return
        }
        order = Self.interleaved(families[..<first]) + Self.interleaved(families[first...])
    }

    package mutating func start(now: Instant, into actions: inout [Action]) {
        guard phase == .waiting else {
            Invariant.broken("a race starts twice")
            return
        }
        phase = .running
        beginNext(now: now, into: &actions)
    }

    package mutating func attemptFailed(_ index: Int, now: Instant, into actions: inout [Action]) {
        // After the race it is an attempt that was cancelled.
        guard phase == .running, let place = underWay.firstIndex(of: index) else { return }
        underWay.remove(at: place)
        let wasLastBegun = place == underWay.count
        if wasLastBegun || underWay.isEmpty { beginNext(now: now, into: &actions) }
    }

    package mutating func attemptSucceeded(_ index: Int, now: Instant, into actions: inout [Action]) {
        guard phase == .running, underWay.contains(index) else {
            // It crossed with its cancellation: there is a winner already.
            actions.append(.cancel(index))
            return
        }
        actions.append(.won(index))
        underWay.removeAll { $0 == index }
        end(into: &actions)
    }

    package mutating func deadlineReached(now: Instant, into actions: inout [Action]) {
        guard phase == .running, now >= nextDeadline else { return }
        beginNext(now: now, into: &actions)
    }

    /// The connection is no longer needed.
    package mutating func abandon(into actions: inout [Action]) {
        end(into: &actions)
    }

    private mutating func beginNext(now: Instant, into actions: inout [Action]) {
        guard begun < order.count else {
            nextDeadline = .distantFuture
            if underWay.isEmpty {
                phase = .over
                actions.append(.allFailed)
            }
            return
        }
        let index = order[begun]
        begun += 1
        underWay.append(index)
        nextDeadline = begun < order.count ? now + delay : .distantFuture
        actions.append(.attempt(index))
    }

    private mutating func end(into actions: inout [Action]) {
        phase = .over
        nextDeadline = .distantFuture
        for index in underWay { actions.append(.cancel(index)) }
        underWay.removeAll()
    }

    private static func interleaved(_ families: ArraySlice<Family>) -> [Int] {
        guard let first = families.first else { return [] }
        let leading = families.indices.filter { families[$0] == first }
        let others = families.indices.filter { families[$0] != first }
        var order: [Int] = []
        order.reserveCapacity(families.count)
        for turn in 0..<max(leading.count, others.count) {
            if turn < leading.count { order.append(leading[turn]) }
            if turn < others.count { order.append(others[turn]) }
        }
        return order
    }
}
