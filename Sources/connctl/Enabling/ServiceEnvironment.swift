/// The variables that `systemctl show-environment` tells. Pure.
enum ServiceEnvironment {
    static func parse(_ output: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in output.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            variables[String(line[..<equals])] = unquoted(line[line.index(after: equals)...])
        }
        return variables
    }

    /// A value that a shell would not take as it is stands in `$'…'`.
    private static func unquoted(_ text: Substring) -> String {
        guard text.hasPrefix("$'"), text.hasSuffix("'"), text.count >= 3 else { return String(text) }
        var value = ""
        var isEscaped = false
        for character in text.dropFirst(2).dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                value.append(character)
                isEscaped = false
            }
        }
        return value
    }

    /// Whether it may stand in systemd's own files without another meaning there.
    static func isPlain(_ value: String) -> Bool {
        let plain = "-_.,:;/*[]@%+= "
        return value.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9": true
            default: plain.unicodeScalars.contains(scalar)
            }
        }
    }
}
