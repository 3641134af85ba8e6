#if canImport(Glibc)
    import Glibc
#endif

/// What congestion windows that idleness has taken away cost the requests to one origin, and what `reuse_order: widest` gains.
/// Value; adds up as `OriginStatistics` does.
///
/// It is the sender's window that collapses. Of uploads it is this host's, which the kernel shows. Of answers it is the
/// origin's, and what is seen of that is how much of an answer its first round trip brings.
package struct SlowStartStatistics: Hashable, Sendable {
    /// Requests of more than a new connection's window, sent whole on reused connections that were looked at: those that had
    /// been idle for 200 ms or more, and all with `reuse_order: widest`.
    package var uploads = 0
    /// Those of them before which the kernel had cut the window because nothing had been sent for a while.
    package var collapsed = 0
    /// Those of these that took more round trips for it.
    package var costly = 0
    /// How many more, and how long they took, in microseconds. Estimates: see `WindowRestart`.
    package var roundTripsLost = 0
    package var timeLost: Int64 = 0
    /// Uploads for which `widest` chose a connection with a wider window than that of the one that `lifo` would have granted;
    /// the round trips that this saved, and their time.
    package var widened = 0
    package var roundTripsGained = 0
    package var timeGained: Int64 = 0
    /// Answers that went on after their first round trip, by how long the origin had sent nothing on the connection
    /// before: it was the connection's first answer, less than 200 ms, or a second and more.
    package var answersFresh = FirstRoundTrips()
    package var answersKept = FirstRoundTrips()
    package var answersIdle = FirstRoundTrips()

    package init() {}

    package mutating func record(_ restart: WindowRestart) {
        collapsed += 1
        guard restart.roundTrips > 0 else { return }
        costly += 1
        roundTripsLost += Int(restart.roundTrips)
        timeLost += restart.timeLost
    }

    /// `each`: the connection's round trip in microseconds.
    package mutating func recordWidened(roundTrips: Int, each: Int64) {
        widened += 1
        roundTripsGained += roundTrips
        timeGained += Int64(roundTrips) * each
    }

    package static func += (a: inout SlowStartStatistics, b: SlowStartStatistics) {
        a.uploads += b.uploads
        a.collapsed += b.collapsed
        a.costly += b.costly
        a.roundTripsLost += b.roundTripsLost
        a.timeLost += b.timeLost
        a.widened += b.widened
        a.roundTripsGained += b.roundTripsGained
        a.timeGained += b.timeGained
        a.answersFresh += b.answersFresh
        a.answersKept += b.answersKept
        a.answersIdle += b.answersIdle
    }

    package static func - (a: SlowStartStatistics, b: SlowStartStatistics) -> SlowStartStatistics {
        var made = SlowStartStatistics()
        made.uploads = a.uploads - b.uploads
        made.collapsed = a.collapsed - b.collapsed
        made.costly = a.costly - b.costly
        made.roundTripsLost = a.roundTripsLost - b.roundTripsLost
        made.timeLost = a.timeLost - b.timeLost
        made.widened = a.widened - b.widened
        made.roundTripsGained = a.roundTripsGained - b.roundTripsGained
        made.timeGained = a.timeGained - b.timeGained
        made.answersFresh = a.answersFresh - b.answersFresh
        made.answersKept = a.answersKept - b.answersKept
        made.answersIdle = a.answersIdle - b.answersIdle
        return made
    }

    /// So many answers of either kind show something.
    private static let fewest = 5

    /// How many more round trips long answers take where the origin was idle: its window begins so many doublings lower. Nil
    /// where too few were seen, or where they begin alike.
    package var answerRoundTripsLost: Double? {
        guard answersKept.answers >= Self.fewest, answersIdle.answers >= Self.fewest,
            let kept = answersKept.meanBytes, let idle = answersIdle.meanBytes, idle > 0, kept >= 2 * idle
        else { return nil }
        return log2(kept / idle)
    }
}

/// How much the first round trips of answers brought. Value.
package struct FirstRoundTrips: Hashable, Sendable {
    package var answers = 0
    package var bytes = 0

    package init() {}

    package var meanBytes: Double? { answers == 0 ? nil : Double(bytes) / Double(answers) }

    package static func += (a: inout FirstRoundTrips, b: FirstRoundTrips) {
        a.answers += b.answers
        a.bytes += b.bytes
    }

    package static func - (a: FirstRoundTrips, b: FirstRoundTrips) -> FirstRoundTrips {
        var made = FirstRoundTrips()
        made.answers = a.answers - b.answers
        made.bytes = a.bytes - b.bytes
        return made
    }
}

/// A request that began with a smaller congestion window than its connection had before it was idle. Value.
///
/// What that costs is an estimate: the round trips in which windows that double send so many bytes, from this window and from
/// the one before. Losses and the origin's receive window may change that.
package struct WindowRestart: Hashable, BitwiseCopyable, Sendable {
    /// Milliseconds in which nothing was sent.
    package var idle: UInt32
    /// Segments.
    package var windowBefore: UInt32
    package var window: UInt32
    /// More than with the window before.
    package var roundTrips: UInt32
    /// Of the connection, in microseconds.
    package var roundTripTime: UInt32

    package init(
        idle: UInt32, windowBefore: UInt32, window: UInt32, roundTrips: UInt32, roundTripTime: UInt32
    ) {
        self.idle = idle
        self.windowBefore = windowBefore
        self.window = window
        self.roundTrips = roundTrips
        self.roundTripTime = roundTripTime
    }

    /// In microseconds.
    package var timeLost: Int64 { Int64(roundTrips) * Int64(roundTripTime) }
}
