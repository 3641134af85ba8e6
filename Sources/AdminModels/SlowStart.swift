/// How long the requests to an origin waited for handshakes. Value.
package struct HandshakeWaitsReport: Codable, Sendable {
    /// Of the time of all requests, from their arrival at connd to the end of their answers; null without requests.
    package var share: Double?
    package var total = ""
    package var dnsMs: Double = 0
    package var connectMs: Double = 0
    package var tlsMs: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case share
        case total
        case dnsMs = "dns_ms"
        case connectMs = "connect_ms"
        case tlsMs = "tls_ms"
    }
}

/// What congestion windows that idleness has taken away cost the requests to an origin, and what `reuse_order: widest`
/// gains. Round trips and times are estimates. Value.
package struct SlowStartReport: Codable, Sendable {
    /// Requests of more than 10 segments on reused connections that were looked at: those idle for 200 ms or more, and all
    /// with `reuse_order: widest`.
    package var uploads = 0
    /// Those of them before which the kernel had cut the window, and those of these that took more round trips for it.
    package var collapsed = 0
    package var costly = 0
    package var roundTripsLost = 0
    package var lost = ""
    package var lostMs: Double = 0
    /// Uploads for which `widest` chose a connection with a wider window than the one used last has.
    package var widened = 0
    package var roundTripsSaved = 0
    package var saved = ""
    package var savedMs: Double = 0
    /// Answers that went on after their first round trip.
    package var answers: [FirstRoundTripsReport] = []
    /// How many more round trips a long answer takes where the origin was idle before; null where that does not show.
    package var answerRoundTripsLost: Double?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case uploads
        case collapsed
        case costly
        case roundTripsLost = "round_trips_lost"
        case lost
        case lostMs = "lost_ms"
        case widened
        case roundTripsSaved = "round_trips_saved"
        case saved
        case savedMs = "saved_ms"
        case answers
        case answerRoundTripsLost = "answer_round_trips_lost"
    }
}

/// What the first round trip of answers has brought: the origin's congestion window, where nothing else held it back. Value.
package struct FirstRoundTripsReport: Codable, Sendable {
    /// What the origin had done before on the connection: `new` (nothing), `busy` (sent within 200 ms) or `idle` (nothing for
    /// a second and more).
    package var originWas = ""
    package var answers = 0
    package var meanBytes = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case originWas = "origin_was"
        case answers
        case meanBytes = "mean_bytes"
    }
}

/// An exchange whose connection had lost its congestion window by idleness. Value.
package struct WindowRestartReport: Codable, Sendable {
    /// How long nothing had been sent.
    package var idle = ""
    package var idleMs: Int64 = 0
    /// Segments.
    package var windowBefore = 0
    package var window = 0
    /// More than with the window before, and how long they took; an estimate.
    package var roundTrips = 0
    package var lost = ""
    package var lostMs: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case idle
        case idleMs = "idle_ms"
        case windowBefore = "window_before"
        case window
        case roundTrips = "round_trips"
        case lost
        case lostMs = "lost_ms"
    }
}
