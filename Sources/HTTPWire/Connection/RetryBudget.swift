package import ProxyTypes

/// Bounds retries to a share of the recent requests, so that a failing origin is not sent a multiple of its load: 20 %
/// of those of the last 10 seconds, and 3 in each second whatever the share. Value; the time is an argument.
package struct RetryBudget: Sendable {
    private struct Slot: BitwiseCopyable {
        var requests: Int32 = 0
        var retries: Int32 = 0
    }

    private static let slotCount = 10
    private static let minimumPerSlot: Int32 = 3
    private static let slotNanoseconds: Int64 = 1_000_000_000

    private var slots = [10 of Slot](repeating: Slot())
    /// Seconds since the clock's zero of the newest slot.
    private var newest: Int64 = .min
    private var requests = 0
    private var retries = 0

    package init() {}

    package mutating func noteRequest(now: Instant) {
        let slot = advance(to: now)
        guard slots[slot].requests < .max else { return }
        slots[slot].requests += 1
        requests += 1
    }

    /// Whether one more retry may be made now. Takes nothing.
    package mutating func allows(now: Instant) -> Bool {
        let slot = advance(to: now)
        return allowsRetry(in: slot)
    }

    /// Counts a retry that is being made; `allows` was asked before.
    package mutating func take(now: Instant) {
        let slot = advance(to: now)
        Invariant.check(allowsRetry(in: slot), "a retry is taken from an empty budget")
        slots[slot].retries += 1
        retries += 1
    }

    private func allowsRetry(in slot: Int) -> Bool {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.retryBudgetForgotten) { return true }
        #endif
        return slots[slot].retries < Self.minimumPerSlot || (retries + 1) * 5 <= requests
    }

    /// Empties the slots that have left the window; a time before the newest slot counts to that slot.
    private mutating func advance(to now: Instant) -> Int {
        let second = now.nanoseconds / Self.slotNanoseconds
        if newest == .min {
            newest = second
        } else if second > newest {
            let steps = min(second - newest, Int64(Self.slotCount))
            for step in 1...steps { empty(Self.index(newest + step)) }
            newest = second
        }
        return Self.index(newest)
    }

    private mutating func empty(_ index: Int) {
        requests -= Int(slots[index].requests)
        retries -= Int(slots[index].retries)
        slots[index] = Slot()
    }

    private static func index(_ second: Int64) -> Int {
        let remainder = Int(second % Int64(slotCount))
        return remainder < 0 ? remainder + slotCount : remainder
    }
}
