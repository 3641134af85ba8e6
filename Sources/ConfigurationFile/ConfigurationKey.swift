import ProxyTypes
import Tuning

/// One key outside `settings` and `hosts`: how it is parsed and printed, and its help. Value.
struct ConfigurationKey: Sendable {
    typealias Property<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    /// Nil for a top-level key.
    let section: String?
    let name: String
    let help: String
    let read: @Sendable (ConfigurationNode, inout Configuration) throws(RefusedValue) -> Void
    /// As YAML, on one line.
    let write: @Sendable (Configuration) -> String

    var path: String { section.map { "\($0).\(name)" } ?? name }
}

/// Why a value is refused, with its position; for a list, one for each refused element.
struct RefusedValue: Error {
    let problems: [(problem: ValueProblem, node: ConfigurationNode)]

    init(_ problems: [(problem: ValueProblem, node: ConfigurationNode)]) {
        self.problems = problems
    }

    init(_ problem: ValueProblem, at node: ConfigurationNode) {
        self.init([(problem, node)])
    }

    /// The kind of node is wrong.
    init(allowed: String, _ node: ConfigurationNode) {
        self.init(ValueProblem(allowed: allowed, given: node.shape), at: node)
    }
}

extension ConfigurationKey {
    static func number(
        _ section: String, _ name: String, _ property: Property<Int>, _ kind: SettingKind, _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(RefusedValue) in
                switch try read(node, kind) {
                case .count(let number), .size(let number): configuration[keyPath: property] = number
                default: Invariant.broken("\(name) is not a number")
                }
            },
            write: { configuration in
                let number = configuration[keyPath: property]
                if case .size = kind { return SizeText.print(number) }
                return "\(number)"
            })
    }

    static func interval(
        _ section: String, _ name: String, _ property: Property<Interval>, _ kind: SettingKind, _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(RefusedValue) in
                guard case .duration(let interval) = try read(node, kind) else {
                    return Invariant.broken("\(name) is not a duration")
                }
                configuration[keyPath: property] = interval
            },
            write: { DurationText.print($0[keyPath: property]) })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ section: String, _ name: String, _ property: Property<Choice>, _ help: String
    ) -> ConfigurationKey {
        let kind = SettingKind.choice(Choice.allCases.map(\.rawValue))
        return ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(RefusedValue) in
                guard case .word(let word) = try read(node, kind), let choice = Choice(rawValue: word) else {
                    return Invariant.broken("\(name) is not a choice")
                }
                configuration[keyPath: property] = choice
            },
            write: { $0[keyPath: property].rawValue })
    }

    /// An absolute path; `auto` where connd chooses one.
    static func path(_ section: String?, _ name: String, _ property: Property<String?>, _ help: String)
        -> ConfigurationKey
    {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(RefusedValue) in
                switch try read(node, .path(unset: "auto")) {
                case .unset: configuration[keyPath: property] = nil
                case .word(let path): configuration[keyPath: property] = path
                default: Invariant.broken("\(name) is not a path")
                }
            },
            write: { $0[keyPath: property].map(YAMLText.scalar) ?? "auto" })
    }

    static func list<Element: CustomStringConvertible & Sendable>(
        _ section: String, _ name: String, _ property: Property<[Element]>, example: String, mayBeEmpty: Bool = true,
        _ help: String, _ parse: @escaping @Sendable (String) throws(ValueProblem) -> Element
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(RefusedValue) in
                let allowed = "a list such as \(example)"
                let elements = try elements(of: node, allowed: allowed, parse)
                if elements.isEmpty, !mayBeEmpty {
                    throw RefusedValue(.init(allowed: allowed, text: ""), at: node)
                }
                configuration[keyPath: property] = elements
            },
            write: { YAMLText.list($0[keyPath: property].map(\.description)) })
    }

    static func read(_ node: ConfigurationNode, _ kind: SettingKind) throws(RefusedValue) -> SettingValue {
        let input: SettingInput
        switch node.content {
        case .scalar(let text, _): input = .text(text)
        case .list(let nodes):
            guard kind.takesList else { throw RefusedValue(allowed: kind.allowed, node) }
            var texts: [String] = []
            for element in nodes {
                guard case .scalar(let text, _) = element.content else {
                    throw RefusedValue(allowed: kind.allowed, element)
                }
                texts.append(text)
            }
            input = .list(texts)
        case .mapping, .refused: throw RefusedValue(allowed: kind.allowed, node)
        }
        do {
            return try kind.read(input)
        } catch {
            throw RefusedValue(error, at: node)
        }
    }

    static func elements<Element>(
        of node: ConfigurationNode, allowed: String, _ parse: (String) throws(ValueProblem) -> Element
    ) throws(RefusedValue) -> [Element] {
        guard case .list(let nodes) = node.content else { throw RefusedValue(allowed: allowed, node) }
        var elements: [Element] = []
        var problems: [(problem: ValueProblem, node: ConfigurationNode)] = []
        for element in nodes {
            if case .refused = element.content { continue }
            guard case .scalar(let text, _) = element.content else {
                problems.append((ValueProblem(allowed: allowed, given: element.shape), element))
                continue
            }
            do {
                elements.append(try parse(text))
            } catch {
                problems.append((error, element))
            }
        }
        guard problems.isEmpty else { throw RefusedValue(problems) }
        return elements
    }
}
