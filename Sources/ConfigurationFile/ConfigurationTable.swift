import ProxyTypes
import Tuning

/// The keys of the file except `settings` and `hosts`, in the order in which they are printed.
enum ConfigurationTable {
    static let sections = ["proxy", "dns", "admin", "metrics", "exchanges", "warm_start", "log", "access_log"]
    static let settings = "settings"
    static let hosts = "hosts"
    static let gateways = "gateways"

    static let keys = proxy + [.gateways] + dns + admin + records + logs

    static func keys(in section: String?) -> [ConfigurationKey] { keys.filter { $0.section == section } }

    /// The top-level keys.
    static let topNames = [
        "proxy", gateways, "dns", "admin", "database", "metrics", "exchanges", "warm_start", "log", "access_log",
        settings,
        hosts,
    ]

    private static let proxy: [ConfigurationKey] = [
        .list(
            "proxy", "listen", \.proxy.listen, example: "[\"127.0.0.1:3128\"]", mayBeEmpty: false,
            "where programs reach the proxy: address:port or unix:/path", ListenAddress.init(parsing:)),
        .list(
            "proxy", "allow_from", \.proxy.allowFrom, example: "[\"127.0.0.0/8\"]", mayBeEmpty: false,
            "clients that may connect; required for listening on addresses other than loopback",
            AddressRange.parseForFile),
        .connectPorts,
        .list(
            "proxy", "allow", \.proxy.allow, example: "[\"*.example.com\", \"10.0.0.0/8\"]",
            "destinations, as host patterns and CIDRs; empty allows everything that deny does not name",
            DestinationPattern.init(parsing:)),
        .list(
            "proxy", "deny", \.proxy.deny, example: "[\"*.example.com\", \"10.0.0.0/8\"]",
            "destinations that are refused", DestinationPattern.init(parsing:)),
        .number(
            "proxy", "max_client_connections", \.proxy.maxClientConnections, .count(1...1_000_000),
            "maximum number of connected clients"),
        .number(
            "proxy", "max_upstream_connections", \.proxy.maxUpstreamConnections, .count(1...1_000_000),
            "maximum number of connections to all origins together"),
        .number(
            "proxy", "max_head_bytes", \.proxy.maxHeadBytes, .size((1 << 10)...(1 << 20)),
            "a longer request head is answered 431"),
        .number(
            "proxy", "max_buffer", \.proxy.maxBuffer, .size((4 << 10)...(64 << 20)),
            "memory that a slow reader may occupy, in each direction"),
        .interval(
            "proxy", "client_head_timeout", \.proxy.clientHeadTimeout, .duration(.milliseconds(10)...(.minutes(5))),
            "how long a client may take to send a request head"),
        .interval(
            "proxy", "client_idle_timeout", \.proxy.clientIdleTimeout, .duration(.milliseconds(10)...(.hours(24))),
            "how long a client may be silent between requests, or accept nothing of a response"),
        .interval(
            "proxy", "client_body_timeout", \.proxy.clientBodyTimeout, .duration(.milliseconds(10)...(.hours(24))),
            "how long a client may be silent in the middle of a request body; then 408"),
        .interval(
            "proxy", "shutdown_grace", \.proxy.shutdownGrace, .duration(.zero...(.hours(1))),
            "how long running exchanges may continue after SIGTERM"),
        .choice(
            "proxy", "client_programs", \.proxy.clientPrograms,
            "whether connections of clients are attributed to the programs that opened them"),
        .threads,
    ]

    private static let dns: [ConfigurationKey] = [
        .list(
            "dns", "servers", \.dns.servers, example: "[\"192.0.2.53\", \"[2001:db8::53]:5353\"]",
            "DNS servers to ask instead of those of resolv_conf; [] for those", DNSServer.init(parsing:)),
        .path(
            "dns", "resolv_conf", \.dns.resolvConf,
            "the file with DNS servers, search domains and options, read again when it changes; auto: /etc/resolv.conf"),
        .path(
            "dns", "hosts", \.dns.hosts,
            "the file with names that DNS is not asked for, read again when it changes; auto: /etc/hosts"),
    ]

    private static let admin: [ConfigurationKey] = [
        .list(
            "admin", "listen", \.admin.listen, example: "[\"127.0.0.1:3129\"]",
            "where the admin API is reached: address:port or unix:/path; [] for nowhere",
            ListenAddress.init(parsing:)),
        .path(
            "admin", "token_file", \.admin.tokenFile,
            "file with the bearer token for changes; auto: created in the state directory at the first start"),
        .list(
            "admin", "allow_hosts", \.admin.allowHosts, example: "[\"connd.example.com\"]",
            "names accepted in Host besides localhost, loopback addresses and the listen addresses",
            AdminHost.init(parsing:)),
        .socketMode,
    ]

    private static let records: [ConfigurationKey] = [
        .database,
        .number(
            "metrics", "max_origins", \.metrics.maxOrigins, .count(1...10_000),
            "origins with labels of their own on /metrics; the others are counted together as _other"),
        .interval(
            "exchanges", "slow", \.exchanges.slow, .duration(.milliseconds(1)...(.hours(1)), zero: "only failed ones"),
            "exchanges that take longer are recorded, as failed ones are"),
        .number(
            "warm_start", "origins", \.warmStart.origins, .count(0...1000),
            "how many origins are dialled ahead of their first request at a start, the busiest first; 0 for none"),
        .number(
            "warm_start", "connections", \.warmStart.connections, .count(1...100),
            "maximum number of connections to each of them"),
        .interval(
            "warm_start", "recent", \.warmStart.recent, .duration(.seconds(10)...(.hours(2))),
            "how shortly before the start an origin must have been busy"),
    ]

    private static let logs: [ConfigurationKey] = [
        .choice("log", "level", \.log.level, "least severe messages to log"),
        .choice(
            "log", "format", \.log.format,
            "text, json, journald, or auto: journald if stderr is the journal, else text"),
        .accessLogPath,
        .choice("access_log", "format", \.accessLog.format, "one line for each request"),
    ]
}

extension ConfigurationKey {
    fileprivate static let connectPorts = ConfigurationKey(
        section: "proxy", name: "connect_ports", help: "ports that CONNECT may reach; any allows all",
        read: { node, configuration throws(RefusedValue) in
            let allowed = "any, or a list such as [443, 8443]"
            if case .scalar("any", _) = node.content {
                configuration.proxy.connectPorts = .any
                return
            }
            let ports = try elements(of: node, allowed: allowed) { text throws(ValueProblem) in
                guard let port = DecimalText.parse(text), (1...65535).contains(port) else {
                    throw ValueProblem(allowed: "a port from 1 to 65535", text: text)
                }
                return UInt16(port)
            }
            configuration.proxy.connectPorts = .only(ports)
        },
        write: { configuration in
            switch configuration.proxy.connectPorts {
            case .any: "any"
            case .only(let ports): "[" + ports.map(String.init).joined(separator: ", ") + "]"
            }
        })

    /// `ConfigurationReader` reads it: what is wrong with a gateway is more than one value.
    fileprivate static let gateways = ConfigurationKey(
        section: nil, name: ConfigurationTable.gateways,
        help: "listeners for one origin each, for programs that take a base URL",
        read: { _, _ in Invariant.broken("gateways are read as one value") },
        write: { "[" + $0.gateways.map(GatewayText.write).joined(separator: ", ") + "]" })

    fileprivate static let threads = ConfigurationKey(
        section: "proxy", name: "threads", help: "number of data loops; this version runs one",
        read: { node, configuration throws(RefusedValue) in
            if case .scalar("1", _) = node.content { return }
            throw RefusedValue(allowed: "1 (this version runs one data loop)", node)
        },
        write: { "\($0.proxy.threads)" })

    fileprivate static let accessLogPath = ConfigurationKey(
        section: "access_log", name: "path", help: "none, stdout, journald, or a file (reopened on SIGUSR1)",
        read: { node, configuration throws(RefusedValue) in
            guard case .scalar(let text, _) = node.content else {
                throw RefusedValue(allowed: AccessLogTarget.allowed, node)
            }
            do throws(ValueProblem) {
                configuration.accessLog.target = try AccessLogTarget(parsing: text)
            } catch {
                throw RefusedValue(error, at: node)
            }
        },
        write: { YAMLText.scalar($0.accessLog.target.description) })
}

extension ConfigurationKey {
    fileprivate static let database = ConfigurationKey(
        section: nil, name: "database",
        help: "auto: connd.db in the state directory; \":memory:\": kept only until connd exits",
        read: { node, configuration throws(RefusedValue) in
            if case .scalar(Configuration.memory, _) = node.content {
                configuration.database = Configuration.memory
                return
            }
            let allowed = "auto, \":memory:\", or an absolute path"
            do throws(RefusedValue) {
                switch try read(node, .path(unset: "auto")) {
                case .unset: configuration.database = nil
                case .word(let path): configuration.database = path
                default: Invariant.broken("database is not a path")
                }
            } catch {
                throw RefusedValue(allowed: allowed, node)
            }
        },
        write: { $0.database.map(YAMLText.scalar) ?? "auto" })

    fileprivate static let socketMode = ConfigurationKey(
        section: "admin", name: "socket_mode", help: "permissions of the admin API's Unix sockets, octal",
        read: { node, configuration throws(RefusedValue) in
            guard case .scalar(let text, _) = node.content else {
                throw RefusedValue(allowed: SocketMode.allowed, node)
            }
            do throws(ValueProblem) {
                configuration.admin.socketMode = try SocketMode(parsing: text)
            } catch {
                throw RefusedValue(error, at: node)
            }
        },
        write: { YAMLText.quoted($0.admin.socketMode.description) })
}

extension AddressRange {
    static let loopbackIPv4 = AddressRange(IPAddress(ipv4: 0x7F00_0000), prefixLength: 8)
    static let loopbackIPv6 = AddressRange(IPAddress(high: 0, low: 1), prefixLength: 128)

    static func parseForFile(_ text: String) throws(ValueProblem) -> AddressRange {
        do {
            return try AddressRange(parsing: text)
        } catch {
            throw ValueProblem(range: text, error, allowed: "a range of addresses such as 10.0.0.0/8 or fd00::/8")
        }
    }
}
