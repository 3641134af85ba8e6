/// Labelled values, one per line. Value.
struct LabelledList: Sendable {
    private var rows: [(label: String, text: String, style: TextStyle)] = []

    mutating func add(_ label: String, _ text: String, _ style: TextStyle = .plain) {
        rows.append((label, SafeText.line(text), style))
    }

    mutating func add(_ label: String, _ text: String?) {
        if let text { add(label, text, .plain) }
    }

    func lines(color: Bool) -> [String] {
        let width = rows.map { DisplayWidth.of($0.label) }.max() ?? 0
        return rows.map { row in
            let padding = String(repeating: " ", count: width - DisplayWidth.of(row.label) + 2)
            return "  " + TextStyle.dim.apply(row.label, color: color) + padding
                + row.style.apply(row.text, color: color)
        }
    }
}
