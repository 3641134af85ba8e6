import ProxyTypes

/// What happened in a run: always as a hash, which is equal for equal runs, and on request as lines for people.
final class Trace {
    let isKept: Bool
    private(set) var lines: [String] = []
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// The number of events: arrivals, outcomes of dials, timers, orders.
    var events = 0
    fileprivate(set) var now = Instant.zero

    init(isKept: Bool) {
        self.isKept = isKept
    }

    func setTime(_ now: Instant) { self.now = now }

    /// The texts are made only if the trace is kept.
    func note(_ who: @autoclosure () -> String, _ what: () -> String) {
        guard isKept else { return }
        lines.append("\(Self.text(of: now))  \(who()): \(what())")
    }

    @inline(__always)
    func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    @inline(__always)
    func mix(_ value: Int) { mix(UInt64(bitPattern: Int64(value))) }

    func mix(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index + 8 <= bytes.count {
            mix(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        while index < bytes.count {
            mix(UInt64(bytes[index]))
            index += 1
        }
    }

    /// Seconds with microseconds.
    static func text(of time: Instant) -> String {
        let microseconds = time.nanoseconds / 1000
        let fraction = String(microseconds % 1_000_000)
        let padded = String(repeating: "0", count: 6 - fraction.count) + fraction
        let seconds = String(microseconds / 1_000_000)
        return String(repeating: " ", count: max(5 - seconds.count, 0)) + seconds + "." + padded
    }
}
