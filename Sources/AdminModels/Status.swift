/// `GET /v1/status`. Value.
package struct StatusReport: Codable, Sendable {
    package var version = ""
    package var pid = 0
    /// RFC 3339, UTC; so are all times of the API, each beside its `_ms` integer (since 1970).
    package var startedAt = ""
    package var startedAtMs: Int64 = 0
    package var uptime = ""
    package var uptimeMs: Int64 = 0
    /// The number of this run of connd, counted from 1 in its database; 0 if that could not be read.
    package var run = 0
    /// How the previous run ended: `stopped`, `failed`, `killed`, `crashed`, `watchdog`, `timeout`, `out_of_memory` or
    /// `unknown`; null for the first.
    package var previousEnd: String?
    /// `running` or `stopping`.
    package var state = ""
    package var listeners: [String] = []
    /// Where the proxy should listen and does not, since the start or the last reload.
    package var unopenedListeners: [UnopenedListenerReport] = []
    /// By name.
    package var gateways: [GatewayReport] = []
    package var ca = AuthorityStatusReport()
    package var adminListeners: [String] = []
    /// The ports that CONNECT may reach; null: any.
    package var connectPorts: [Int]?
    package var clients = 0
    /// `proxy.max_client_connections`.
    package var clientLimit = 0
    /// Why new clients wait to be accepted: `full` (`proxy.max_client_connections` are busy) or `descriptors` (none is
    /// free); null if none waits.
    package var acceptPaused: String?
    package var origins = 0
    package var pausedOrigins = 0
    /// The twenty that have been paused the longest, at most.
    package var pauses: [PauseReport] = []
    package var connections = ConnectionCounts()
    package var totals = Totals()
    package var store = StoreReport()
    package var trials = 0
    package var overrides = 0
    package var conflicts = 0
    /// The config file; null for built-in defaults.
    package var configFile: String?
    package var configLoadedAt = ""
    package var configLoadedAtMs: Int64 = 0
    /// Why the last reload was refused; null if it was not.
    package var configError: String?
    /// The patterns whose origins' certificates are not verified.
    package var unverified: [UnverifiedReport] = []
    /// How many known origins that concerns.
    package var unverifiedOrigins = 0
    /// Settings that cannot be applied on this host.
    package var refusedSettings: [RefusedSettingReport] = []
    /// Bugs in connd that it detected and survived.
    package var invariantsBroken = 0
    package var memoryBytes = 0
    package var descriptors = 0
    package var descriptorLimit = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case version
        case pid
        case startedAt = "started_at"
        case startedAtMs = "started_at_ms"
        case uptime
        case uptimeMs = "uptime_ms"
        case run
        case previousEnd = "previous_end"
        case state
        case listeners
        case unopenedListeners = "unopened_listeners"
        case gateways
        case ca
        case adminListeners = "admin_listeners"
        case connectPorts = "connect_ports"
        case clients
        case clientLimit = "client_limit"
        case acceptPaused = "accept_paused"
        case origins
        case pausedOrigins = "paused_origins"
        case pauses
        case connections
        case totals
        case store
        case trials
        case overrides
        case conflicts
        case configFile = "config_file"
        case configLoadedAt = "config_loaded_at"
        case configLoadedAtMs = "config_loaded_at_ms"
        case configError = "config_error"
        case unverified
        case unverifiedOrigins = "unverified_origins"
        case refusedSettings = "refused_settings"
        case invariantsBroken = "invariants_broken"
        case memoryBytes = "memory_bytes"
        case descriptors
        case descriptorLimit = "descriptor_limit"
    }
}

/// An address on which connd could not listen. Value.
package struct UnopenedListenerReport: Codable, Sendable {
    package var address = ""
    package var reason = ""

    package init() {}
}

/// Upstream connections by state, and how many requests wait for one. Value.
package struct ConnectionCounts: Codable, Sendable {
    package var dialing = 0
    package var idle = 0
    /// Idle and only watched, to learn when the origin closes them.
    package var parked = 0
    package var leased = 0
    /// Between requests of the client that each belongs to.
    package var pinned = 0
    package var draining = 0
    package var closing = 0
    package var tunnels = 0
    package var waiting = 0
    package var active = 0

    package init() {}
}

/// Since connd was started, over all origins. Value.
package struct Totals: Codable, Sendable {
    package var clientsAccepted = 0
    package var requests = 0
    package var errors = 0
    package var opened = 0
    package var reused = 0
    /// Of all leases, the share that reused a connection, 0 to 1; null before the first.
    package var reuseRatio: Double?
    package var closed = 0
    package var retriesSent = 0
    package var retriesSucceeded = 0
    package var staleSurfaced = 0
    package var tunnels = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    package var handshakePaidMs: Int64 = 0
    package var handshakeSavedMs: Int64 = 0
    package var logLinesDropped = 0
    package var accessLogLinesDropped = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case clientsAccepted = "clients_accepted"
        case requests
        case errors
        case opened
        case reused
        case reuseRatio = "reuse_ratio"
        case closed
        case retriesSent = "retries_sent"
        case retriesSucceeded = "retries_succeeded"
        case staleSurfaced = "stale_surfaced"
        case tunnels
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case handshakePaidMs = "handshake_paid_ms"
        case handshakeSavedMs = "handshake_saved_ms"
        case logLinesDropped = "log_lines_dropped"
        case accessLogLinesDropped = "access_log_lines_dropped"
    }
}

/// The state of the database. Value.
package struct StoreReport: Codable, Sendable {
    package var path = ""
    /// `ok` or `failing`.
    package var state = "ok"
    /// `full`, `read_only`, `locked`, `in_use`, `corrupt`, `missing`, `unopenable`, `other`; null if there is no fault.
    package var fault: String?
    package var message: String?
    package var since: String?
    package var sinceMs: Int64?
    package var lastWrite: String?
    package var lastWriteMs: Int64?
    /// False for `:memory:`.
    package var durable = true
    package var sizeBytes = 0
    package var schemaVersion = 0
    package var pendingRows = 0
    package var droppedFigures = 0
    package var droppedConnections = 0
    package var droppedExchanges = 0
    package var recoveries = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case path
        case state
        case fault
        case message
        case since
        case sinceMs = "since_ms"
        case lastWrite = "last_write"
        case lastWriteMs = "last_write_ms"
        case durable
        case sizeBytes = "size_bytes"
        case schemaVersion = "schema_version"
        case pendingRows = "pending_rows"
        case droppedFigures = "dropped_figures"
        case droppedConnections = "dropped_connections"
        case droppedExchanges = "dropped_exchanges"
        case recoveries
    }
}

/// `GET /v1/version`. Value.
package struct VersionReport: Codable, Sendable {
    package var name = "connd"
    package var version = ""
    package var api = "v1"
    package var schemaVersion = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case version
        case api
        case schemaVersion = "schema_version"
    }
}

/// `GET /healthz` and `GET /readyz`. Value.
package struct HealthReport: Codable, Sendable {
    /// `ok` or `failing`.
    package var status = "ok"
    /// What is wrong, one sentence each.
    package var reasons: [String] = []
    /// What an operator should know although connd is ready; absent if there is nothing.
    package var warnings: [String]?

    package init() {}
}
