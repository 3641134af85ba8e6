/// Counts indexed by a small enum, as plain integers: one loop writes them, a snapshot sums them. Value.
package struct Counters<Label: CaseIterable & RawRepresentable<UInt8> & Sendable>: Sendable {
    private var values: [Int]

    package init() {
        values = Array(repeating: 0, count: Label.allCases.count)
    }

    package subscript(label: Label) -> Int {
        get { values[Int(label.rawValue)] }
        set { values[Int(label.rawValue)] = newValue }
    }

    package var total: Int { values.reduce(0, +) }

    package static func += (a: inout Counters, b: Counters) {
        for index in a.values.indices { a.values[index] += b.values[index] }
    }
}
