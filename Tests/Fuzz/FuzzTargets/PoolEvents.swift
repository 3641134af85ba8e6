import TestSupport

/// Plays bytes as events to an `OriginPool` beside its model.
package enum PoolEvents {
    /// How the two differed; nil where they agreed.
    package static func play(_ input: [UInt8]) -> String? {
        guard let first = input.first, input.count <= 1 << 16 else { return nil }
        var simulation = PoolSimulation(.bytes(input, next: 1), seed: UInt64(first))
        simulation.run(.max)
        return simulation.failure
    }
}
