/// Labels and what they say, below each other. Value.
struct Facts: Sendable {
    private var rows: [(label: String, text: String, look: Look)] = []

    mutating func add(_ label: String, _ text: String, _ look: Look = .plain) {
        rows.append((label, SafeText.line(text), look))
    }

    mutating func add(_ label: String, _ text: String?) {
        if let text { add(label, text, .plain) }
    }

    func lines(color: Bool) -> [String] {
        let width = rows.map { DisplayWidth.of($0.label) }.max() ?? 0
        return rows.map { row in
            let padding = String(repeating: " ", count: width - DisplayWidth.of(row.label) + 2)
            return "  " + Look.dim.apply(row.label, color: color) + padding + row.look.apply(row.text, color: color)
        }
    }
}
