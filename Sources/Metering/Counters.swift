/// Counts indexed by a small enum, as plain integers: one loop writes them, a snapshot sums them. Value; allocates no
/// storage before the first count.
package struct Counters<Label: CaseIterable & RawRepresentable<UInt8> & Sendable>: Hashable, Sendable {
    private var values: [Int] = []

    package init() {}

    package subscript(label: Label) -> Int {
        @inline(__always)
        get { values.isEmpty ? 0 : values[Int(label.rawValue)] }
        @inline(__always)
        set {
            if values.isEmpty {
                guard newValue != 0 else { return }
                values = Array(repeating: 0, count: Label.allCases.count)
            }
            values[Int(label.rawValue)] = newValue
        }
    }

    package var total: Int { values.reduce(0, +) }
    package var isZero: Bool { values.allSatisfy { $0 == 0 } }

    /// Those that are not zero, in the order of the labels.
    package var nonZero: [(label: Label, count: Int)] {
        values.isEmpty ? [] : Label.allCases.compactMap { self[$0] == 0 ? nil : ($0, self[$0]) }
    }

    package static func += (a: inout Counters, b: Counters) {
        guard !b.values.isEmpty else { return }
        guard !a.values.isEmpty else { return a = b }
        for index in a.values.indices { a.values[index] += b.values[index] }
    }

    /// What was counted since `b`.
    package static func - (a: Counters, b: Counters) -> Counters {
        guard !b.values.isEmpty else { return a }
        var difference = a
        for label in Label.allCases { difference[label] -= b[label] }
        return difference
    }

    /// Compares counts only: a counter that is 0 again equals one that was never used.
    package static func == (a: Counters, b: Counters) -> Bool {
        a.values == b.values
            || a.nonZero.elementsEqual(b.nonZero) { $0.label.rawValue == $1.label.rawValue && $0.count == $1.count }
    }

    package func hash(into hasher: inout Hasher) {
        for (label, count) in nonZero {
            hasher.combine(label.rawValue)
            hasher.combine(count)
        }
    }
}
