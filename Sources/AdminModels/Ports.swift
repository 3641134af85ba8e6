/// Local ports of connections to origins: `GET /v1/ports`. Value.
package struct PortsReport: Codable, Sendable {
    /// When the connections were counted.
    package var time = ""
    package var timeMs: Int64 = 0
    /// net.ipv4.ip_local_port_range.
    package var rangeFirst = 0
    package var rangeLast = 0
    /// Ports of the range that net.ipv4.ip_local_reserved_ports excepts, or on which something listens.
    package var reserved = 0
    package var listening = 0
    /// Of the range, less reserved ones.
    package var usable = 0
    /// With fewer free ports than this, connd reuses and queues rather than dials.
    package var few = 0
    /// Where a connection may take a port from TIME_WAIT after a second (net.ipv4.tcp_tw_reuse): `never`, `always` or
    /// `on_loopback`.
    package var timeWaitReuse = ""
    /// Dials for which the kernel had no port (EADDRNOTAVAIL), since connd was started.
    package var dialsWithoutPort = 0
    /// How long the counting took.
    package var countingMs = 0.0
    /// By how many ports are free, the fewest first.
    package var paths: [PortPathReport] = []
    /// Paths that are not shown.
    package var omitted = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case time
        case timeMs = "time_ms"
        case rangeFirst = "range_first"
        case rangeLast = "range_last"
        case reserved
        case listening
        case usable
        case few
        case timeWaitReuse = "time_wait_reuse"
        case dialsWithoutPort = "dials_without_port"
        case countingMs = "counting_ms"
        case paths
        case omitted
    }
}

/// Connections from one local address to one address and port, by all programs of the host. Value.
package struct PortPathReport: Codable, Sendable {
    /// The local address.
    package var source = ""
    /// Address and port.
    package var destination = ""
    /// Origins that connd reaches there; at most 10.
    package var origins: [String] = []
    /// Connections in any state but TIME_WAIT.
    package var open = 0
    /// On this side.
    package var timeWait = 0
    /// Ports that no new connection can have.
    package var used = 0
    package var free = 0
    /// New connections a second of late, as far as they still hold a port.
    package var newPerSecond = 0.0
    /// Connections a second that enter TIME_WAIT on this side.
    package var timeWaitPerSecond = 0.0
    /// In how long no port is free if this goes on; null where that is not to be expected within an hour.
    package var exhaustion: String?
    package var exhaustionMs: Int64?
    /// `ample`, `running_out` (none is left within minutes) or `short` (few are left).
    package var state = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case source
        case destination
        case origins
        case open
        case timeWait = "time_wait"
        case used
        case free
        case newPerSecond = "new_per_second"
        case timeWaitPerSecond = "time_wait_per_second"
        case exhaustion
        case exhaustionMs = "exhaustion_ms"
        case state
    }
}
