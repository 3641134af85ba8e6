/// The style of a piece of text on a terminal with colours. Value.
enum TextStyle: Sendable {
    case plain, dim, bold, good, warning, bad

    func apply(_ text: String, color: Bool) -> String {
        guard color, self != .plain, !text.isEmpty else { return text }
        let code =
            switch self {
            case .plain: "0"
            case .dim: "2"
            case .bold: "1"
            case .good: "32"
            case .warning: "33"
            case .bad: "31"
            }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}
