/// Waits within the exchanges of one origin that last as long as hosts put off acknowledgements. Value; adds up as
/// `OriginStatistics` does.
///
/// Who writes a message in two parts, with Nagle's algorithm on, sends the second one only when the first was acknowledged;
/// and the other host puts that acknowledgement off: Linux for 40 ms, others for 200. Such waits stand out, as many of them
/// have one length and few are a little shorter or longer.
package struct DelayStatistics: Hashable, Sendable {
    /// From the first part of a small answer to its end, on connections without and with `tcp_quickack`.
    package var answers = WaitPattern()
    package var answersWithQuickack = WaitPattern()
    /// From the last part of a request that connd wrote in parts to its answer, with `tcp_nodelay` off and on.
    package var requestsWithNagle = WaitPattern()
    package var requests = WaitPattern()

    package init() {}

    /// Of answers over this many bytes the end waits for other things.
    package static let smallAnswer = 16 * 1024

    package static func += (a: inout DelayStatistics, b: DelayStatistics) {
        a.answers += b.answers
        a.answersWithQuickack += b.answersWithQuickack
        a.requestsWithNagle += b.requestsWithNagle
        a.requests += b.requests
    }

    package static func - (a: DelayStatistics, b: DelayStatistics) -> DelayStatistics {
        var made = DelayStatistics()
        made.answers = a.answers - b.answers
        made.answersWithQuickack = a.answersWithQuickack - b.answersWithQuickack
        made.requestsWithNagle = a.requestsWithNagle - b.requestsWithNagle
        made.requests = a.requests - b.requests
        return made
    }

    /// Who waits for acknowledgements, and what helps.
    package struct Finding: Hashable, Sendable {
        package enum Side: Sendable {
            /// The origin writes its answers in parts: `tcp_quickack` has it wait less.
            case origin
            /// connd writes requests in parts: `tcp_nodelay` has it not wait.
            case ours
        }

        package let side: Side
        /// Milliseconds.
        package let length: Int
        package let waits: Int
        package let exchanges: Int
        /// The share of exchanges that waited where the setting that helps was on; nil where too few have shown it.
        package let shareWithSetting: Double?

        package var share: Double { Double(waits) / Double(max(exchanges, 1)) }
    }

    package var findings: [Finding] {
        [
            Self.finding(.origin, answers, with: answersWithQuickack),
            Self.finding(.ours, requestsWithNagle, with: requests),
        ].compactMap { $0 }
    }

    private static func finding(_ side: Finding.Side, _ without: WaitPattern, with: WaitPattern) -> Finding? {
        guard let quantum = without.quantum else { return nil }
        return Finding(
            side: side, length: quantum.length, waits: without.waits(of: quantum), exchanges: without.exchanges,
            shareWithSetting: with.exchanges < WaitPattern.fewest
                ? nil : Double(with.waits(of: quantum)) / Double(with.exchanges))
    }
}

/// How many exchanges waited for about as long as acknowledgements are put off. Value.
package struct WaitPattern: Hashable, Sendable {
    package enum Quantum: CaseIterable, Sendable {
        case forty, twoHundred

        /// Milliseconds.
        package var length: Int {
            switch self {
            case .forty: 40
            case .twoHundred: 200
            }
        }
    }

    package var exchanges = 0
    package var forty = 0
    package var twoHundred = 0
    /// A little shorter or longer, over twice the width.
    package var besideForty = 0
    package var besideTwoHundred = 0

    package init() {}

    /// So few show nothing.
    static let fewest = 20
    /// One exchange in so many must wait.
    private static let rarest = 20

    /// The round trip does not count. Microseconds.
    package mutating func record(wait: Int64) {
        switch wait {
        case 38_000..<46_000: forty += 1
        case 30_000..<38_000, 46_000..<54_000: besideForty += 1
        case 195_000..<215_000: twoHundred += 1
        case 175_000..<195_000, 215_000..<235_000: besideTwoHundred += 1
        default: break
        }
    }

    package func waits(of quantum: Quantum) -> Int {
        switch quantum {
        case .forty: forty
        case .twoHundred: twoHundred
        }
    }

    private func beside(_ quantum: Quantum) -> Int {
        switch quantum {
        case .forty: besideForty
        case .twoHundred: besideTwoHundred
        }
    }

    /// The length around which waits are clustered: four times as many as beside it, over half of the width.
    package var quantum: Quantum? {
        Quantum.allCases.first { quantum in
            let waits = waits(of: quantum)
            return waits >= Self.fewest && waits * Self.rarest >= exchanges && waits >= 4 * beside(quantum)
        }
    }

    package static func += (a: inout WaitPattern, b: WaitPattern) {
        a.exchanges += b.exchanges
        a.forty += b.forty
        a.twoHundred += b.twoHundred
        a.besideForty += b.besideForty
        a.besideTwoHundred += b.besideTwoHundred
    }

    package static func - (a: WaitPattern, b: WaitPattern) -> WaitPattern {
        var made = WaitPattern()
        made.exchanges = a.exchanges - b.exchanges
        made.forty = a.forty - b.forty
        made.twoHundred = a.twoHundred - b.twoHundred
        made.besideForty = a.besideForty - b.besideForty
        made.besideTwoHundred = a.besideTwoHundred - b.besideTwoHundred
        return made
    }
}
