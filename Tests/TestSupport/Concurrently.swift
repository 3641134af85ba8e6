import Foundation

/// Runs `body` with 0, 1, … each on a thread of its own; returns what they returned, in that order, or throws what the first
/// of them threw.
package func concurrently<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Result
) throws -> [Result] {
    let results = Watched([Int: Swift.Result<Result, any Error>]())
    for number in 0..<count {
        Thread.detachNewThread {
            let result = Swift.Result { try body(number) }
            results.change { $0[number] = result }
        }
    }
    let all = try results.wait(for: "\(count) threads to end", within: 4 * Patience.milliseconds) { $0.count == count }
    return try all.sorted { $0.key < $1.key }.map { try $0.value.get() }
}
