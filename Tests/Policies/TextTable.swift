/// Columns of text: the first ones to the left, figures to the right. Value.
struct TextTable {
    private let head: [String]
    /// So many columns hold text.
    private let texts: Int
    private var rows: [[String]] = []

    init(_ head: [String], texts: Int = 1) {
        self.head = head
        self.texts = texts
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += column < texts ? cell + space + "  " : space + cell + "  "
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}

/// With so many places.
func decimal(_ number: Double, _ places: Int = 2) -> String {
    var unit = 1.0
    for _ in 0..<places { unit *= 10 }
    let scaled = Int((abs(number) * unit).rounded())
    let sign = number < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(scaled)" }
    let fraction = "\(scaled % Int(unit))"
    let zeros = String(repeating: "0", count: places - fraction.count)
    return "\(sign)\(scaled / Int(unit)).\(zeros)\(fraction)"
}

func percent(_ share: Double) -> String { decimal(100 * share, 2) }
