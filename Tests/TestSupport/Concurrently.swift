/// Runs `body` with 0, 1, … each on a thread of its own; returns what they returned, in that order, or throws what the
/// first of them threw.
package func concurrently<Output: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Output
) throws -> [Output] {
    let all = (0..<count).map { number in Background { try body(number) } }
    return try all.map { try $0.wait() }
}
