package import ProxyTypes

/// What a setting is set to, in the terms of its kind. Value.
package enum SettingValue: Hashable, Sendable {
    /// Left to someone else: `auto`, `kernel`, `system`, `none` or `off`, as the kind words it.
    case unset
    case count(Int)
    case percent(Int)
    case duration(Interval)
    case size(Int)
    case flag(Bool)
    /// One of a choice, a name, or a path.
    case word(String)
    case keepalive(TCPKeepalive)
    /// Never empty: no address is `unset`.
    case addresses([IPAddress])
}

/// A value as it arrives from a file, the API or a command line, before its setting has judged it. Value.
package enum SettingInput: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([String])
}

/// Why a value is refused: what would be right, and what came. Reads on after the name of what it was meant for.
package struct ValueProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let allowed: String
    package let given: String

    package init(allowed: String, given: String) {
        self.allowed = allowed
        self.given = given
    }

    package init(allowed: String, text: String) {
        self.init(allowed: allowed, given: Self.quoted(text))
    }

    package var description: String { "must be \(allowed), not \(given)" }

    /// Numbers stand as they are; all else is quoted, cut, and safe to show on a terminal.
    package static func quoted(_ text: String) -> String {
        if DecimalText.parse(text) != nil { return text }
        if text.isEmpty { return "empty" }
        let shown = text.unicodeScalars.prefix(60).map { $0.properties.generalCategory == .control ? "?" : String($0) }
        return "`\(shown.joined())\(text.unicodeScalars.count > 60 ? "…" : "")`"
    }
}
