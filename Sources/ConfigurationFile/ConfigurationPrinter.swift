import AdminModels
import ProxyTypes
import Tuning

/// Writes the effective configuration as YAML, each value with its source; reading it gives the same configuration.
package enum ConfigurationPrinter {
    package static func print(_ loaded: LoadedConfiguration) -> String {
        var lines = [
            "# The effective configuration of connd \(ProductVersion.text): each value, and where it comes from."
        ]
        for name in ConfigurationTable.topNames {
            switch name {
            case ConfigurationTable.settings: settings(loaded, &lines)
            case ConfigurationTable.hosts: hosts(loaded, &lines)
            case _ where ConfigurationTable.sections.contains(name):
                lines.append("\(name):")
                keys(in: name, indent: "  ", loaded, &lines)
            default: break
            }
            for key in ConfigurationTable.keys(in: nil) where key.name == name { line(key, indent: "", loaded, &lines) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func keys(in section: String, indent: String, _ loaded: LoadedConfiguration, _ lines: inout [String])
    {
        for key in ConfigurationTable.keys(in: section) { line(key, indent: indent, loaded, &lines) }
    }

    private static func line(
        _ key: ConfigurationKey, indent: String, _ loaded: LoadedConfiguration, _ lines: inout [String]
    ) {
        let value = key.write(loaded.configuration)
        lines.append(commented("\(indent)\(key.name): \(value)", "\(loaded.source(of: key.path))"))
    }

    private static func settings(_ loaded: LoadedConfiguration, _ lines: inout [String]) {
        lines.append("\(ConfigurationTable.settings):")
        for setting in Setting.allCases {
            let value = loaded.configuration.settings[setting]
            let source = loaded.layers.source(of: setting, for: nil)
            let text = "\(setting.name): \(yaml(setting, value))"
            switch setting.definition.availability {
            case .now: lines.append(commented("  \(text)", "\(source)"))
            case .notYet(let needs):
                lines.append(commented("  # \(text)", "\(source); needs \(needs), which this version does not have"))
            }
        }
    }

    private static func hosts(_ loaded: LoadedConfiguration, _ lines: inout [String]) {
        guard !loaded.configuration.hosts.isEmpty else {
            lines.append(commented("\(ConfigurationTable.hosts): {}", "\(loaded.source(of: ConfigurationTable.hosts))"))
            return
        }
        lines.append("\(ConfigurationTable.hosts):")
        for host in loaded.configuration.hosts {
            let given = Setting.allCases.filter { host.values[$0] != nil }
            lines.append("  \(YAMLText.quoted(host.pattern.description)):" + (given.isEmpty ? " {}" : ""))
            for setting in given {
                guard let value = host.values[setting] else { continue }
                let source = loaded.layers.fileSource(of: setting, for: host.pattern) ?? .standard
                lines.append(commented("    \(setting.name): \(yaml(setting, value))", "\(source)"))
            }
        }
    }

    private static func yaml(_ setting: Setting, _ value: SettingValue) -> String {
        if case .addresses(let addresses) = value { return YAMLText.list(addresses.map(\.description)) }
        return YAMLText.scalar(setting.write(value))
    }

    private static func commented(_ text: String, _ comment: String) -> String {
        let padding = String(repeating: " ", count: max(2, 48 - text.count))
        // A file's name may contain line breaks, which would end the comment.
        let safe = String(comment.map { $0.isNewline ? " " : $0 })
        return "\(text)\(padding)# \(safe)"
    }
}
