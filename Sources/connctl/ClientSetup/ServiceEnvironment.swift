/// Parses the output of `systemctl show-environment`. Pure.
enum ServiceEnvironment {
    static func parse(_ output: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in output.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            variables[String(line[..<equals])] = unquoted(line[line.index(after: equals)...])
        }
        return variables
    }

    /// Values that need quoting in a shell are written as `$'…'`.
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

    /// True if the value has no special meaning in systemd's files.
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
