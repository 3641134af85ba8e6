import ProxyTypes

/// Bytes without a pattern, the same for the same seed. Value.
package struct SeededBytes: Sendable {
    private var random: SeededRandom

    package init(_ seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }
}
