import ProxyTypes
import Tuning

/// One setting as given in the file. Value.
struct GivenSetting {
    let setting: Setting
    let value: SettingValue
    let key: ConfigurationNode
}

extension ConfigurationReader {
    mutating func readGlobals(_ node: ConfigurationNode) {
        globals = readSettings(node, in: ConfigurationTable.settings)
        for given in globals {
            loaded.configuration.settings[given.setting] = given.value
            loaded.layers.set(given.setting, to: entry(given))
        }
    }

    mutating func readHosts(_ node: ConfigurationNode) {
        var lines: [HostPattern: Int] = [:]
        for (name, key, value) in pairs(of: node, ConfigurationTable.hosts, known: nil) {
            let given = readSettings(value, in: "hosts \(ValueProblem.quoted(name))")
            let pattern: HostPattern
            do {
                pattern = try HostPattern(parsing: name)
            } catch {
                problems.add("host pattern \(error)", at: key)
                continue
            }
            if let line = lines[pattern] {
                problems.add("host pattern `\(name)` is the same as that of line \(line)", at: key)
                continue
            }
            lines[pattern] = key.line
            hosts.append((pattern, given))
            let values = Dictionary(given.map { ($0.setting, $0.value) }) { first, _ in first }
            loaded.configuration.hosts.append(.init(pattern: pattern, values: values))
            for given in given { loaded.layers.set(given.setting, to: entry(given), for: pattern) }
        }
    }

    /// Reports settings that contradict each other, within one section on top of the global values.
    mutating func checkTogether() {
        check(globals, over: SettingValues())
        for (_, given) in hosts { check(given, over: loaded.configuration.settings) }
    }

    private func entry(_ given: GivenSetting) -> SettingEntry {
        SettingEntry(given.value, source: .file(path: file, line: given.key.line))
    }

    private mutating func readSettings(_ node: ConfigurationNode, in section: String) -> [GivenSetting] {
        var given: [GivenSetting] = []
        for (name, key, value) in pairs(of: node, section, known: Setting.allCases.map(\.name)) {
            guard let setting = Setting(name: name) else { continue }
            if case .refused = value.content { continue }
            do {
                let read = try ConfigurationKey.read(value, setting.definition.kind)
                if let missing = setting.missing(for: read) {
                    problems.add("`\(name)` \(missing)", at: value)
                    continue
                }
                given.append(GivenSetting(setting: setting, value: read, key: key))
            } catch {
                refuse(name, error, key)
            }
        }
        return given
    }

    private mutating func check(_ given: [GivenSetting], over base: SettingValues) {
        var values = base
        for given in given { values[given.setting] = given.value }
        for found in SettingContradiction.all(in: values, touching: Set(given.map(\.setting))) {
            guard let first = given.first(where: { $0.setting == found.first || $0.setting == found.second }) else {
                continue
            }
            problems.add(found.text, at: first.key)
        }
    }
}
