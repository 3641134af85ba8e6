import ProxyTypes
import Tuning

/// One key outside `settings` and `hosts`: how it is read, how it is written, what it is for. Value.
struct ConfigurationKey: Sendable {
    typealias Place<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    /// Nil for a key at the top.
    let section: String?
    let name: String
    let help: String
    let read: @Sendable (ConfigurationNode, inout Configuration) throws(ValueProblemAtNode) -> Void
    /// As YAML, on one line.
    let write: @Sendable (Configuration) -> String

    var path: String { section.map { "\($0).\(name)" } ?? name }
}

/// A refused value with its place, which in a list is that of the element.
struct ValueProblemAtNode: Error {
    let problem: ValueProblem
    let node: ConfigurationNode

    init(_ problem: ValueProblem, at node: ConfigurationNode) {
        self.problem = problem
        self.node = node
    }

    /// The shape is wrong, whatever it holds.
    init(allowed: String, _ node: ConfigurationNode) {
        self.init(ValueProblem(allowed: allowed, given: node.shape), at: node)
    }
}

extension ConfigurationKey {
    static func number(
        _ section: String, _ name: String, _ place: Place<Int>, _ kind: SettingKind, _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(ValueProblemAtNode) in
                switch try read(node, kind) {
                case .count(let number), .size(let number): configuration[keyPath: place] = number
                default: Invariant.broken("\(name) is not a number")
                }
            },
            write: { configuration in
                let number = configuration[keyPath: place]
                if case .size = kind { return SizeText.print(number) }
                return "\(number)"
            })
    }

    static func interval(
        _ section: String, _ name: String, _ place: Place<Interval>, _ kind: SettingKind, _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(ValueProblemAtNode) in
                guard case .duration(let interval) = try read(node, kind) else {
                    return Invariant.broken("\(name) is not a duration")
                }
                configuration[keyPath: place] = interval
            },
            write: { DurationText.print($0[keyPath: place]) })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ section: String, _ name: String, _ place: Place<Choice>, _ help: String
    ) -> ConfigurationKey {
        let kind = SettingKind.choice(Choice.allCases.map(\.rawValue))
        return ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(ValueProblemAtNode) in
                guard case .word(let word) = try read(node, kind), let choice = Choice(rawValue: word) else {
                    return Invariant.broken("\(name) is not a choice")
                }
                configuration[keyPath: place] = choice
            },
            write: { $0[keyPath: place].rawValue })
    }

    /// An absolute path; `auto` where connd finds its own.
    static func path(_ section: String?, _ name: String, _ place: Place<String?>, _ help: String) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(ValueProblemAtNode) in
                switch try read(node, .path(unset: "auto")) {
                case .unset: configuration[keyPath: place] = nil
                case .word(let path): configuration[keyPath: place] = path
                default: Invariant.broken("\(name) is not a path")
                }
            },
            write: { $0[keyPath: place].map(YAMLText.scalar) ?? "auto" })
    }

    static func list<Element: CustomStringConvertible & Sendable>(
        _ section: String, _ name: String, _ place: Place<[Element]>, example: String, mayBeEmpty: Bool = true,
        _ help: String, _ parse: @escaping @Sendable (String) throws(ValueProblem) -> Element
    ) -> ConfigurationKey {
        ConfigurationKey(
            section: section, name: name, help: help,
            read: { node, configuration throws(ValueProblemAtNode) in
                let allowed = "a list such as \(example)"
                let elements = try elements(of: node, allowed: allowed, parse)
                if elements.isEmpty, !mayBeEmpty {
                    throw ValueProblemAtNode(.init(allowed: allowed, text: ""), at: node)
                }
                configuration[keyPath: place] = elements
            },
            write: { YAMLText.list($0[keyPath: place].map(\.description)) })
    }

    static func read(_ node: ConfigurationNode, _ kind: SettingKind) throws(ValueProblemAtNode) -> SettingValue {
        let input: SettingInput
        switch node.content {
        case .scalar(let text, _): input = .text(text)
        case .list(let nodes):
            guard case .addresses = kind else { throw ValueProblemAtNode(allowed: kind.allowed, node) }
            var texts: [String] = []
            for element in nodes {
                guard case .scalar(let text, _) = element.content else {
                    throw ValueProblemAtNode(allowed: kind.allowed, element)
                }
                texts.append(text)
            }
            input = .list(texts)
        case .mapping, .refused: throw ValueProblemAtNode(allowed: kind.allowed, node)
        }
        do {
            return try kind.read(input)
        } catch {
            throw ValueProblemAtNode(error, at: node)
        }
    }

    static func elements<Element>(
        of node: ConfigurationNode, allowed: String, _ parse: (String) throws(ValueProblem) -> Element
    ) throws(ValueProblemAtNode) -> [Element] {
        guard case .list(let nodes) = node.content else { throw ValueProblemAtNode(allowed: allowed, node) }
        var elements: [Element] = []
        for element in nodes {
            guard case .scalar(let text, _) = element.content else {
                throw ValueProblemAtNode(allowed: allowed, element)
            }
            do {
                elements.append(try parse(text))
            } catch {
                throw ValueProblemAtNode(error, at: element)
            }
        }
        return elements
    }
}
