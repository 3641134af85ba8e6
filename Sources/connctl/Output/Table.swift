/// Rows under headings; each column is as wide as its widest cell. Does not make text safe. Value.
struct Table: Sendable {
    enum Alignment: Sendable {
        case left, right
    }

    struct Column: Sendable {
        var title: String
        var alignment = Alignment.left
        /// May be truncated to fit the terminal.
        var isFlexible = false
    }

    struct Cell: Sendable, ExpressibleByStringLiteral {
        var text: String
        var style = TextStyle.plain

        init(_ text: String, _ style: TextStyle = .plain) {
            self.text = SafeText.line(text)
            self.style = style
        }

        init(stringLiteral text: String) {
            self.init(text)
        }
    }

    static let gap = 2
    /// The minimum width of a flexible column.
    static let least = 12

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    mutating func add(_ cells: [Cell]) {
        rows.append(cells)
    }

    /// `width`: nil for no truncation.
    func lines(width: Int?, color: Bool, unicode: Bool) -> [String] {
        let heading = columns.map { Cell($0.title, .dim) }
        var widths = columns.indices.map { index in
            ([heading] + rows).reduce(0) { max($0, index < $1.count ? DisplayWidth.of($1[index].text) : 0) }
        }
        if let width { shrink(&widths, to: width) }
        return ([heading] + rows).map { line($0, widths, width: width, color: color, sign: unicode ? "…" : "~") }
    }

    private func shrink(_ widths: inout [Int], to limit: Int) {
        var excess = widths.reduce(0, +) + Self.gap * (widths.count - 1) - limit
        while excess > 0 {
            let candidates = widths.indices.filter { columns[$0].isFlexible && widths[$0] > Self.least }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
            excess -= 1
        }
    }

    private func line(_ cells: [Cell], _ widths: [Int], width: Int?, color: Bool, sign: String) -> String {
        var result = ""
        var column = 0
        var pending = 0
        for (index, cell) in cells.enumerated() where index < widths.count {
            var text = DisplayWidth.cut(cell.text, to: widths[index], sign: sign)
            var padding = widths[index] - DisplayWidth.of(text)
            if columns[index].alignment == .right {
                pending += padding
                padding = 0
            }
            if let width, column + pending + DisplayWidth.of(text) > width {
                text = DisplayWidth.cut(text, to: width - column - pending, sign: sign)
            }
            if !text.isEmpty {
                result += String(repeating: " ", count: pending) + cell.style.apply(text, color: color)
                column += pending + DisplayWidth.of(text)
                pending = 0
            }
            pending += padding + Self.gap
        }
        return result
    }
}

extension Table.Column: ExpressibleByStringLiteral {
    init(stringLiteral title: String) {
        self.init(title: title)
    }

    static func number(_ title: String) -> Table.Column {
        Table.Column(title: title, alignment: .right)
    }

    static func flexible(_ title: String) -> Table.Column {
        Table.Column(title: title, isFlexible: true)
    }
}
