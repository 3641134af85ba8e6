import AdminClient
import AdminModels

/// The definitions of the settings as rows and as labelled lists. Pure.
enum DefinitionTable {
    static func table(_ definitions: [SettingDefinitionReport], isWide: Bool) -> Table {
        var table = Table(
            ["SETTING", "DEFAULT", .flexible("TAKES"), "EFFECT"] + (isWide ? [.flexible("WHAT FOR")] : []))
        for definition in definitions {
            table.add(
                [
                    .init(definition.name, definition.needs == nil ? .plain : .dim), .init(definition.standard),
                    .init(definition.allowed), .init(definition.effect),
                ] + (isWide ? [.init(definition.help)] : []))
        }
        return table
    }

    static func facts(_ definition: SettingDefinitionReport) -> LabelledList {
        var facts = LabelledList()
        facts.add("what for", definition.help)
        facts.add("default", definition.standard)
        facts.add("takes", definition.allowed)
        facts.add("effect", definition.effect == "at once" ? "at once" : "for \(definition.effect)")
        if let needs = definition.needs {
            facts.add("not yet", "only its default works before connd has \(needs)", .warning)
        }
        return facts
    }

    /// One item of the list, as received.
    static func json(of name: String, in body: [UInt8]) -> [UInt8]? {
        guard let items = JSONMembers.value(of: "items", in: body) else { return nil }
        return JSONMembers.elements(of: Array(items)).map { Array($0) }.first {
            JSONMembers.value(of: "name", in: $0).map { Array($0) } == Array("\"\(name)\"".utf8)
        }
    }
}
