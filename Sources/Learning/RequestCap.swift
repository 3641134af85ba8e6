/// After how many requests an origin closes a connection without having said so. Value.
struct RequestCap: BitwiseCopyable, Sendable {
    /// The number under test; 0: none.
    var requests: Int64 = 0
    var seen: UInt8 = 0
    /// Last seen: milliseconds of the wall clock.
    var at: Int64 = 0

    var isLearned: Bool { Int(seen) >= LearningRules.closesToLearn }

    /// A FIN followed the response to the connection's so-many-th request.
    mutating func closed(after requests: Int64, now: Int64) {
        if requests == self.requests {
            seen = seen < .max ? seen + 1 : .max
            at = now
        } else if seen <= 1 {
            self.requests = requests
            seen = 1
            at = now
        } else {
            seen -= 1
        }
    }

    /// A connection was left open after so many.
    mutating func refute() {
        requests = 0
        seen = 0
    }

    /// 0: none. Where it is obeyed it is seen no more, so it is tried again each day.
    func obeyed(now: Int64) -> Int64 { isLearned && now - at < LearningRules.strayLife ? requests : 0 }
}
