/// From which idle age the path to an origin drops what is sent without a word: bracketed by the largest age that was
/// proven to work and the smallest that failed. Ages in microseconds. Value.
struct SilentPath: BitwiseCopyable, Sendable {
    /// The largest age at which the path was proven to work.
    var alive = LearningRules.trustedAge
    /// The smallest age at which it silently did not; 0: never seen.
    var dead: Microseconds = 0
    var seen: UInt8 = 0
    var refuted: UInt8 = 0
    /// Of the last failure: milliseconds of the wall clock.
    private var failedAt: Int64 = .min / 4

    /// Whether a limit is known.
    var isBounded: Bool { dead > alive }

    mutating func prove(_ age: Microseconds) {
        if dead > 0, age >= dead {
            refuted += 1
            guard refuted >= 2 else { return }
            dead = 0
            seen = 0
            refuted = 0
        }
        alive = max(alive, min(age, LearningRules.horizon))
    }

    mutating func fail(_ age: Microseconds, now: Int64) {
        // An origin that died without a word fails all its connections, whatever their age.
        if dead > 0, 0 <= now - failedAt, now - failedAt < LearningRules.death { return }
        failedAt = now
        seen = seen < .max ? seen + 1 : .max
        refuted = 0
        if dead == 0 || age < dead { dead = age }
        // What was proven before no longer holds; one failure alone may have been the origin's death.
        if alive >= dead, seen >= 2 { alive = dead >> 1 }
    }

    /// At which idle age a probe is to send one TCP keep-alive segment; 0: not at all.
    var keepAliveAt: Microseconds {
        guard isBounded else {
            return alive < LearningRules.horizon ? min(LearningRules.reachOfRepeats * alive, LearningRules.horizon) : 0
        }
        if dead - alive > dead / 20 { return alive + (dead - alive) / 2 }
        return min(dead + (dead >> 3), LearningRules.horizon)
    }

    mutating func merge(_ other: SilentPath) {
        alive = max(alive, other.alive)
        dead = dead == 0 || other.dead == 0 ? max(dead, other.dead) : min(dead, other.dead)
        seen = UInt8(min(Int(seen) + Int(other.seen), 255))
        if dead > 0, alive >= dead { alive = dead >> 1 }
    }
}
