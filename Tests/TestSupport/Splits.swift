/// The ways in which one message can arrive: whole, byte by byte, and in two pieces at every split.
package enum Splits {
    /// Each way as the total number of bytes after each arrival; the last is `count`.
    package static func arrivals(of count: Int) -> [[Int]] {
        guard count > 1 else { return [[count]] }
        return [[count], Array(1...count)] + (1..<count).map { [$0, count] }
    }

    /// Each way as the pieces themselves.
    package static func pieces(of bytes: [UInt8]) -> [[[UInt8]]] {
        arrivals(of: bytes.count).map { ends in
            var start = 0
            return ends.map { end in
                defer { start = end }
                return Array(bytes[start..<end])
            }
        }
    }
}
