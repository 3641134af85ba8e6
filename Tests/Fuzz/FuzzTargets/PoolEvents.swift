import TestSupport

/// Plays the bytes as events to an `OriginPool` beside its model, and traps where they differ.
package func fuzzPoolEvents(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first, bytes.count <= 1 << 16 else { return }
    var simulation = PoolSimulation(.bytes(Array(bytes), next: 1), seed: UInt64(first))
    simulation.run(.max)
    if let failure = simulation.failure { preconditionFailure(failure) }
}
