import ProxyTypes
import Tuning

/// The list of gateways.
extension ConfigurationReader {
    private static let known = [
        "name", "origin", "listen", "preserve_host", "cookie_secure", "socket_mode", "allow_hosts",
    ]

    mutating func readGateways(_ node: ConfigurationNode) {
        if node.isNull { return }
        guard case .list(let elements) = node.content else {
            if case .refused = node.content { return }
            return problems.add("`gateways` must be a list of gateways, not \(node.shape)", at: node)
        }
        var lines: [String: Int] = [:]
        for element in elements {
            guard let gateway = readGateway(element) else { continue }
            if let line = lines[gateway.name] {
                problems.add("the gateway `\(gateway.name)` is given on line \(line) already", at: element)
                continue
            }
            lines[gateway.name] = element.line
            loaded.configuration.gateways.append(gateway)
            loaded.sources["gateways.\(gateway.name)"] = .file(path: file, line: element.line)
        }
    }

    /// Nil where something that it needs is missing or wrong.
    private mutating func readGateway(_ node: ConfigurationNode) -> GatewayDefinition? {
        let place = "a gateway"
        guard case .mapping = node.content else {
            if case .refused = node.content { return nil }
            problems.add(
                "a gateway must be a mapping of \(Self.known.joined(separator: ", ")), not \(node.shape)", at: node)
            return nil
        }
        let before = problems.problems.count
        var name: String?
        var origin: Origin?
        var listen: [ListenAddress]?
        var made = GatewayDefinition(name: "", origin: Origin(scheme: .http, host: "", port: 0), listen: [])
        for (key, keyNode, value) in pairs(of: node, place, known: Self.known) {
            if case .refused = value.content { continue }
            do throws(RefusedValue) {
                switch key {
                case "name": name = try Self.word(value, GatewayDefinition.allowedName, GatewayDefinition.checked)
                case "origin": origin = try Self.word(value, GatewayDefinition.allowedOrigin, GatewayDefinition.origin)
                case "listen": listen = try readListen(value)
                case "preserve_host":
                    guard case .flag(let flag) = try ConfigurationKey.read(value, .flag) else { continue }
                    made.preserveHost = flag
                case "cookie_secure":
                    let kind = SettingKind.choice(CookieSecure.allCases.map(\.rawValue))
                    guard case .word(let word) = try ConfigurationKey.read(value, kind) else { continue }
                    made.cookieSecure = CookieSecure(rawValue: word) ?? .keep
                case "socket_mode":
                    made.socketMode = try Self.word(value, SocketMode.allowed, SocketMode.init(parsing:))
                case "allow_hosts": made.allowHosts = try Self.readHosts(value)
                default: break
                }
            } catch {
                refuse(key, error, keyNode)
            }
        }
        // What is missing is told where nothing else is wrong with it.
        guard problems.problems.count == before else { return nil }
        guard let name, let origin, let listen else {
            let missing = name == nil ? "name" : origin == nil ? "origin" : "listen"
            problems.add("a gateway must have `\(missing)`", at: node)
            return nil
        }
        (made.name, made.origin, made.listen) = (name, origin, listen)
        return made
    }

    private mutating func readListen(_ node: ConfigurationNode) throws(RefusedValue) -> [ListenAddress] {
        let allowed = "a list such as [\"127.0.0.1:9101\", \"unix:/run/connd/gateways/stripe.sock\"]"
        let addresses = try ConfigurationKey.elements(of: node, allowed: allowed, ListenAddress.init(parsing:))
        guard !addresses.isEmpty, addresses.count <= GatewayDefinition.maxListen else {
            throw RefusedValue(ValueProblem(allowed: allowed, given: "\(addresses.count) addresses"), at: node)
        }
        if case .list(let nodes) = node.content, nodes.count == addresses.count {
            gatewayListens += zip(addresses, nodes).map { ($0, $1) }
        }
        return addresses
    }

    private static func readHosts(_ node: ConfigurationNode) throws(RefusedValue) -> [GatewayHost] {
        let allowed = "a list such as [\"host.docker.internal\"]"
        let hosts = try ConfigurationKey.elements(of: node, allowed: allowed, GatewayHost.init(parsing:))
        guard hosts.count <= GatewayDefinition.maxAllowHosts else {
            throw RefusedValue(ValueProblem(allowed: allowed, given: "\(hosts.count) hosts"), at: node)
        }
        return hosts
    }

    private static func word<Value>(
        _ node: ConfigurationNode, _ allowed: String, _ parse: (String) throws(ValueProblem) -> Value
    ) throws(RefusedValue) -> Value {
        guard case .scalar(let text, _) = node.content else { throw RefusedValue(allowed: allowed, node) }
        do throws(ValueProblem) {
            return try parse(text)
        } catch {
            throw RefusedValue(error, at: node)
        }
    }
}

/// Writes a gateway as YAML on one line.
enum GatewayText {
    static func write(_ gateway: GatewayDefinition) -> String {
        var parts = [
            "name: \(YAMLText.quoted(gateway.name))", "origin: \(YAMLText.quoted(gateway.origin.description))",
            "listen: \(YAMLText.list(gateway.listen.map(\.description)))",
        ]
        if gateway.preserveHost { parts.append("preserve_host: true") }
        if gateway.cookieSecure != .keep { parts.append("cookie_secure: \(gateway.cookieSecure.rawValue)") }
        if gateway.socketMode != .standard {
            parts.append("socket_mode: \(YAMLText.quoted(gateway.socketMode.description))")
        }
        if !gateway.allowHosts.isEmpty {
            parts.append("allow_hosts: \(YAMLText.list(gateway.allowHosts.map(\.description)))")
        }
        return "{ \(parts.joined(separator: ", ")) }"
    }
}
