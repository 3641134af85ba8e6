package import ProxyTypes
package import Tuning

/// The contents of the config file, with defaults for what it does not set. Value.
package struct Configuration: Hashable, Sendable {
    package struct Proxy: Hashable, Sendable {
        package var listen: [ListenAddress] = [
            .tcp(IPAddress(ipv4: 0x7F00_0001), port: 3128), .tcp(IPAddress(high: 0, low: 1), port: 3128),
        ]
        package var allowFrom: [AddressRange] = [.loopbackIPv4, .loopbackIPv6]
        package var connectPorts: ConnectPorts = .only([443])
        /// Empty: everything is allowed that `deny` does not match.
        package var allow: [DestinationPattern] = []
        package var deny: [DestinationPattern] = []
        package var maxClientConnections = 10_000
        package var maxUpstreamConnections = 4096
        package var maxHeadBytes = 64 << 10
        package var maxBuffer = 256 << 10
        package var clientHeadTimeout = Interval.seconds(10)
        package var clientIdleTimeout = Interval.minutes(5)
        package var clientBodyTimeout = Interval.seconds(60)
        package var shutdownGrace = Interval.seconds(30)
        package var clientPrograms = ClientAttribution.on
        package var threads = 1
    }

    package struct Admin: Hashable, Sendable {
        package var listen: [ListenAddress] = [.tcp(IPAddress(ipv4: 0x7F00_0001), port: 3129)]
        /// Nil: created in the state directory, see `adminTokenPath`.
        package var tokenFile: String?
        /// Accepted values of `Host` besides localhost, loopback addresses and the listen addresses: in lower case,
        /// without a port, IPv6 addresses in brackets.
        package var allowHosts: [AdminHost] = []
        /// Permissions of the Unix sockets.
        package var socketMode = SocketMode.standard
    }

    /// Where names are looked up.
    package struct DNS: Hashable, Sendable {
        /// Asked instead of those that `resolvConf` names; empty: those.
        package var servers: [DNSServer] = []
        /// Nil: the system's.
        package var resolvConf: String?
        package var hosts: String?
    }

    package struct Metrics: Hashable, Sendable {
        /// The number of origins with their own labels on `/metrics`; the others are summed in `_other`.
        package var maxOrigins = 100
    }

    package struct Exchanges: Hashable, Sendable {
        /// Slower exchanges are recorded as well as failed ones; zero: only failed ones.
        package var slow = Interval.seconds(1)
    }

    package struct Log: Hashable, Sendable {
        package var level: LogLevel = .info
        package var format: LogFormat = .auto

        package init() {}
    }

    /// Dialling, at the start, of origins that were busy before.
    package struct WarmStart: Hashable, Sendable {
        /// The number of origins; zero turns it off.
        package var origins = 20
        /// At most this many connections to each.
        package var connections = 8
        /// How long before the start an origin must have been busy.
        package var recent = Interval.minutes(10)
    }

    package struct AccessLog: Hashable, Sendable {
        package var target: AccessLogTarget = .none
        package var format: AccessLogFormat = .json
    }

    /// Settings for the origins of one pattern, on top of `settings`.
    package struct HostSettings: Hashable, Sendable {
        package var pattern: HostPattern
        package var values: [Setting: SettingValue]

        package init(pattern: HostPattern, values: [Setting: SettingValue]) {
            self.pattern = pattern
            self.values = values
        }
    }

    package var proxy = Proxy()
    package var dns = DNS()
    package var admin = Admin()
    /// An absolute path or `:memory:`. Nil: in the state directory, see `databasePath`.
    package var database: String?
    package var metrics = Metrics()
    package var exchanges = Exchanges()
    package var warmStart = WarmStart()
    package var log = Log()
    package var accessLog = AccessLog()
    package var settings = SettingValues()
    /// In the order of the file.
    package var gateways: [GatewayDefinition] = []
    /// In the order of the file; the most specific pattern wins, not the first.
    package var hosts: [HostSettings] = []

    /// All defaults.
    package init() {}

    /// The alternative to a path for `database`: everything is lost when connd ends.
    package static let memory = ":memory:"

    /// Nil where there is no state directory.
    package func databasePath(environment: [String: String]) -> String? {
        database ?? Self.stateDirectory(environment: environment).map { $0 + "/connd.db" }
    }

    /// Nil where there is no state directory.
    package func adminTokenPath(environment: [String: String]) -> String? {
        admin.tokenFile ?? Self.stateDirectory(environment: environment).map { $0 + "/admin.token" }
    }

    /// systemd's state directory (the first of several), else the user's.
    package static func stateDirectory(environment: [String: String]) -> String? {
        func directory(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        if let ours = directory("STATE_DIRECTORY") { return String(ours.prefix { $0 != ":" }) }
        if let users = directory("XDG_STATE_HOME") { return users + "/connd" }
        return directory("HOME").map { $0 + "/.local/state/connd" }
    }
}

/// Whether clients' connections are attributed to the programs that opened them.
package enum ClientAttribution: String, CaseIterable, Hashable, Sendable {
    case on, off
}

package enum LogLevel: String, CaseIterable, Hashable, Sendable {
    case trace, debug, info, notice, warning, error, critical
}

package enum LogFormat: String, CaseIterable, Hashable, Sendable {
    /// journald where standard error is the journal, else text.
    case auto
    case text, json, journald
}

/// A DNS server: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`. Value.
package struct DNSServer: Hashable, Sendable, CustomStringConvertible {
    package static let allowed = "an address of a DNS server, such as 192.0.2.53 or 192.0.2.53:5353"

    package let endpoint: Endpoint

    package init(parsing text: String) throws(ValueProblem) {
        if let address = IPAddress(text) {
            endpoint = Endpoint(address: address, port: 53)
        } else if let listen = try? ListenAddress(parsing: text), case .tcp(let address, let port) = listen, port > 0 {
            endpoint = Endpoint(address: address, port: port)
        } else {
            throw ValueProblem(allowed: Self.allowed, text: text)
        }
    }

    package var description: String { endpoint.port == 53 ? endpoint.address.description : endpoint.description }
}

package enum AccessLogTarget: Hashable, Sendable, CustomStringConvertible {
    case none, stdout, journald
    /// Absolute.
    case file(path: String)

    package static let allowed = "none, stdout, journald, or an absolute path"

    package init(parsing text: String) throws(ValueProblem) {
        switch text {
        case "none": self = .none
        case "stdout": self = .stdout
        case "journald": self = .journald
        case _ where text.hasPrefix("/") && !text.hasSuffix("/") && !text.utf8.contains(0): self = .file(path: text)
        default: throw ValueProblem(allowed: Self.allowed, text: text)
        }
    }

    package var description: String {
        switch self {
        case .none: "none"
        case .stdout: "stdout"
        case .journald: "journald"
        case .file(let path): path
        }
    }
}
