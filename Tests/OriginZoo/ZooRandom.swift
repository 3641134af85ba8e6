import Foundation
import ProxyTypes

/// The distributions of the zoo. Value.
package struct ZooRandom {
    private var random: SeededRandom

    package init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        // Neighbouring seeds begin alike.
        _ = random.next()
    }

    /// From 0 to below 1.
    package mutating func uniform() -> Double { Double(random.next() >> 11) * 0x1p-53 }
    package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }
    package mutating func exponential(_ mean: Double) -> Double { -log(1 - uniform()) * mean }
    package mutating func weibull(_ shape: Double) -> Double { pow(exponential(1), 1 / shape) }
}
