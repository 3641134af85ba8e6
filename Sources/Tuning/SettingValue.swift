package import ProxyTypes

/// The value of a setting, in the terms of its kind. Value.
package enum SettingValue: Hashable, Sendable {
    /// No value of its own: `auto`, `kernel`, `system`, `none` or `off`, depending on the kind.
    case unset
    case count(Int)
    case percent(Int)
    case duration(Interval)
    case size(Int)
    case flag(Bool)
    /// One of a choice, a name, a host, or a path.
    case word(String)
    case keepalive(TCPKeepalive)
    /// Never empty: `unset` stands for no address.
    case addresses([IPAddress])
    /// Never empty: `unset` stands for no pin.
    case pins([PublicKeyPin])
    /// Never empty: `unset` stands for no client.
    case clients([ClientPattern])
}

/// A value as it arrives from a file, the API or the command line, not validated yet. Value.
package enum SettingInput: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([String])
}

/// Why a value is refused: what is allowed, and what was given. The text continues a sentence that begins with the
/// setting's name.
package struct ValueProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let allowed: String
    package let given: String
    /// What to write instead, where that is clear.
    package let hint: String?

    package init(allowed: String, given: String, hint: String? = nil) {
        self.allowed = allowed
        self.given = given
        self.hint = hint
    }

    package init(allowed: String, text: String) {
        self.init(allowed: allowed, given: Self.quoted(text))
    }

    package var description: String { "must be \(allowed), not \(given)" + (hint.map { ": \($0)" } ?? "") }

    /// Numbers are shown as they are; anything else is quoted, shortened, and safe to print on a terminal.
    package static func quoted(_ text: String) -> String {
        if DecimalText.parse(text) != nil { return text }
        if text.isEmpty { return "empty" }
        let shown = text.unicodeScalars.prefix(60).map { $0.properties.generalCategory == .control ? "?" : String($0) }
        return "`\(shown.joined())\(text.unicodeScalars.count > 60 ? "…" : "")`"
    }
}
