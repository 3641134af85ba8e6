/// A slow or failed exchange, `GET /v1/exchanges/{id}`. Value.
package struct ExchangeReport: Codable, Sendable {
    package var id: Int64 = 0
    package var origin = ""
    package var started = ""
    package var startedMs: Int64 = 0
    /// `slow`, `failed`, `cut`, `aborted` or `raced`: answered in time, but only at the second try.
    package var outcome = ""
    package var method = ""
    package var target = ""
    /// 0 if no response head arrived.
    package var status = 0
    package var error: String?
    package var errorDetail: String?
    package var client: UInt64 = 0
    /// The program behind its client; null if that is not known any more.
    package var program: String?
    /// The gateway by which it came; null if it came to the proxy's own port.
    package var gateway: String?
    /// Null if it had none.
    package var connection: UInt64?
    package var reused = false
    /// `none`, `idle`, `returned`, `dialled`, `retry`, `pipelined` or `tunnel`.
    package var leaseCause = ""
    /// Why this connection, in a sentence.
    package var explanation = ""
    package var retries = 0
    package var total = ""
    package var totalMs: Double = 0
    package var bytesFromClient = 0
    package var bytesToClient = 0
    /// What the kernel knew of its connection at its end; null where that is not known.
    package var segments: SegmentReport?
    /// Null where the congestion window of its connection had not collapsed, or where that was not looked at.
    package var windowRestart: WindowRestartReport?
    /// The keep-alive race that it has lost; null if it has lost none.
    package var race: LostRaceReport?
    /// In the order of time: queue, dns, connect, tls, send, first_byte, body. `dns`, `connect` and `tls` are part
    /// of `queue`, and present only if the exchange waited for a dial.
    package var waterfall: [PhaseReport] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id
        case origin
        case started
        case startedMs = "started_ms"
        case outcome
        case method
        case target
        case status
        case error
        case errorDetail = "error_detail"
        case client
        case program
        case gateway
        case connection
        case reused
        case leaseCause = "lease_cause"
        case explanation
        case retries
        case total
        case totalMs = "total_ms"
        case bytesFromClient = "bytes_from_client"
        case bytesToClient = "bytes_to_client"
        case segments
        case windowRestart = "window_restart"
        case race
        case waterfall
    }
}

/// What the kernel knew of an exchange's connection when the exchange ended. Value.
package struct SegmentReport: Codable, Sendable {
    package var rttMs: Double = 0
    /// Segments sent again in this exchange or in at most 63 before it on the same connection.
    package var retransmits = 0
    /// Segments that the origin's host had not acknowledged.
    package var unacknowledged = 0
    /// Retransmission time-outs in a row.
    package var timeouts = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case rttMs = "rtt_ms"
        case retransmits
        case unacknowledged
        case timeouts
    }
}

/// A request that was sent on an idle connection which the origin had closed, or was closing. Value.
package struct LostRaceReport: Codable, Sendable {
    /// How long the connection had been idle; 0 where the request was sent behind others.
    package var idle = ""
    package var idleMs: Double = 0
    /// Requests that the connection had served before.
    package var served = 0
    /// What showed that it was gone: `fin`, `reset` or `silence`.
    package var sign = ""
    /// Whether the origin's host has acknowledged any byte of the request; null where that is not known, as behind TLS.
    package var acknowledged: Bool?
    /// Whether it was sent again.
    package var retried = false
    /// From sending it to sending it again, or to its failure.
    package var cost = ""
    package var costMs: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case idle
        case idleMs = "idle_ms"
        case served, sign, acknowledged, retried, cost
        case costMs = "cost_ms"
    }
}

/// One bar of a waterfall. Value.
package struct PhaseReport: Codable, Sendable {
    package var phase = ""
    /// From the start of the exchange.
    package var startMs: Double = 0
    package var duration = ""
    package var durationMs: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case phase
        case startMs = "start_ms"
        case duration
        case durationMs = "duration_ms"
    }
}

/// The parameters of `GET /v1/exchanges`. Value.
package struct ExchangeQuery: Sendable {
    package var page = PageRequest()
    package var origin: String?
    package var outcome: String?
    /// Only those that have lost the keep-alive race.
    package var raced = false

    package static let outcomes = ["slow", "failed", "cut", "aborted", "raced"]

    package init() {}
}
