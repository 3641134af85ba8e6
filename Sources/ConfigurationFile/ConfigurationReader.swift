import ProxyTypes
import Tuning

/// Converts the file's tree into a configuration, and continues after each problem, so that all are reported. Value.
struct ConfigurationReader {
    let file: String
    var loaded = LoadedConfiguration()
    var problems: ProblemList
    /// The positions of `proxy.listen` and `admin.listen`.
    private var listenNodes: [String: ConfigurationNode] = [:]
    /// With their positions, in the order of the file.
    var gatewayListens: [(address: ListenAddress, node: ConfigurationNode)] = []
    var globals: [GivenSetting] = []
    var hosts: [(pattern: HostPattern, given: [GivenSetting])] = []

    init(file: String) {
        self.file = file
        problems = ProblemList(file: file)
    }

    mutating func read(_ text: String) {
        guard let root = ConfigurationNode.parse(text, &problems), !root.isNull else { return }
        guard case .mapping = root.content else {
            if case .refused = root.content { return }
            return problems.add(
                "a config file must be a mapping of \(Self.listed(ConfigurationTable.topNames)), not \(root.shape)",
                at: root)
        }
        for (name, key, value) in pairs(of: root, nil, known: ConfigurationTable.topNames) {
            switch name {
            case ConfigurationTable.settings: readGlobals(value)
            case ConfigurationTable.hosts:
                loaded.sources[name] = .file(path: file, line: key.line)
                readHosts(value)
            case ConfigurationTable.gateways:
                loaded.sources[name] = .file(path: file, line: key.line)
                readGateways(value)
            case _ where ConfigurationTable.sections.contains(name): readSection(name, value)
            default:
                for known in ConfigurationTable.keys(in: nil) where known.name == name { readKey(known, key, value) }
            }
        }
        checkListeners()
        checkTogether()
    }

    private mutating func readSection(_ section: String, _ node: ConfigurationNode) {
        let keys = ConfigurationTable.keys(in: section)
        for (name, key, value) in pairs(of: node, section, known: keys.map(\.name)) {
            for known in keys where known.name == name { readKey(known, key, value) }
        }
    }

    private mutating func readKey(_ known: ConfigurationKey, _ key: ConfigurationNode, _ value: ConfigurationNode) {
        if case .refused = value.content { return }
        loaded.sources[known.path] = .file(path: file, line: key.line)
        do {
            try known.read(value, &loaded.configuration)
            if known.name == "listen" { listenNodes[known.path] = value }
        } catch {
            refuse(known.path, error, key)
        }
    }

    mutating func refuse(_ name: String, _ refusal: RefusedValue, _ key: ConfigurationNode) {
        for (problem, node) in refusal.problems { problems.add("`\(name)` \(problem)", at: node.isNull ? key : node) }
    }

    /// Checks the file alone; `LoadedConfiguration.listenerProblems` includes defaults and options.
    private mutating func checkListeners() {
        var seen: [ListenAddress] = []
        let lists = [
            ("proxy.listen", loaded.configuration.proxy.listen), ("admin.listen", loaded.configuration.admin.listen),
        ]
        for (path, addresses) in lists {
            guard let node = listenNodes[path], case .list(let elements) = node.content,
                elements.count == addresses.count
            else { continue }
            for (address, element) in zip(addresses, elements) {
                if let other = seen.first(where: { $0.collides(with: address) }) {
                    problems.add("`\(path)`: \(address) \(address.collision(with: other))", at: element)
                }
                seen.append(address)
                if !address.isLoopback, loaded.source(of: "proxy.allow_from") == .standard {
                    problems.add("`\(path)`: \(address) \(ListenAddress.beyondLoopback)", at: element)
                }
            }
        }
        for (address, node) in gatewayListens {
            if let other = seen.first(where: { $0.collides(with: address) }) {
                problems.add("`gateways`: \(address) \(address.collision(with: other))", at: node)
            }
            seen.append(address)
            if !address.isLoopback, loaded.source(of: "proxy.allow_from") == .standard {
                problems.add("`gateways`: \(address) \(ListenAddress.beyondLoopback)", at: node)
            }
        }
    }

    /// The known keys of a mapping (all where `known` is nil); reports the others.
    mutating func pairs(
        of node: ConfigurationNode, _ section: String?, known: [String]?
    ) -> [(name: String, key: ConfigurationNode, value: ConfigurationNode)] {
        guard case .mapping(let pairs) = node.content else {
            if case .refused = node.content { return [] }
            // A section with all keys commented out.
            if node.isNull { return [] }
            problems.add("\(section ?? "") must be a mapping of keys to values, not \(node.shape)", at: node)
            return []
        }
        return pairs.compactMap { key, value in
            guard case .scalar(let name, _) = key.content else {
                if case .refused = key.content { return nil }
                problems.add("a key must be a word, not \(key.shape)", at: key)
                return nil
            }
            if name == "<<" {
                problems.add("merge keys (`<<`) are not taken; write the values out", at: key)
                return nil
            }
            guard let known, !known.contains(name) else { return (name, key, value) }
            problems.add(Self.unknown(name, in: section, known), at: key)
            return nil
        }
    }

    private static func unknown(_ name: String, in section: String?, _ known: [String]) -> String {
        let what = "unknown key \(ValueProblem.quoted(name))" + (section.map { " in \($0)" } ?? "") + "; "
        if let home = home(of: name) { return what + "it belongs \(home)" }
        if let meant = EditDistance.nearest(to: name, among: known) { return what + "did you mean `\(meant)`?" }
        if known.count > 20 { return what + "`connd --print-config` shows all that there are" }
        return what + "allowed: \(listed(known))"
    }

    /// The section that a misplaced key belongs to.
    private static func home(of name: String) -> String? {
        if Setting(name: name) != nil { return "in settings or hosts" }
        if ConfigurationTable.topNames.contains(name) { return "at the top" }
        let sections = ConfigurationTable.keys.filter { $0.name == name }.compactMap(\.section)
        return sections.isEmpty ? nil : "in " + sections.joined(separator: " or ")
    }

    private static func listed(_ names: [String]) -> String { names.joined(separator: ", ") }
}
