package import ProxyTypes

/// The idle time of one connection, from its last response to what ended it or is told of it. Value.
package struct IdlePeriod: Hashable, BitwiseCopyable, Sendable {
    /// Since the last byte was received.
    package var age: Interval
    /// Between the last byte sent and the last received before: origins count from either.
    package var lag: Interval
    /// Up to which age it was told already, as `outlived` returned it; zero: not at all.
    package var told: Interval

    package init(age: Interval, lag: Interval, told: Interval = .zero) {
        self.age = age
        self.lag = lag
        self.told = told
    }
}

/// How a request on a connection that had been idle failed before the first byte of a response. Value.
package struct FailedReuse: Hashable, BitwiseCopyable, Sendable {
    package enum Sign: Hashable, BitwiseCopyable, Sendable {
        /// A FIN.
        case closed
        /// A RST without a FIN before it.
        case reset
        /// Nothing was acknowledged in time.
        case silence
    }

    package var sign: Sign
    /// From the request to the news.
    package var elapsed: Interval
    /// The connection's smallest round trip.
    package var shortestRoundTrip: Interval

    package init(_ sign: Sign, elapsed: Interval, shortestRoundTrip: Interval) {
        self.sign = sign
        self.elapsed = elapsed
        self.shortestRoundTrip = shortestRoundTrip
    }
}

/// How long the path to an origin takes at present, as the kernel measures it. Value.
package struct PathDelays: Hashable, BitwiseCopyable, Sendable {
    /// The smoothed round trip.
    package var roundTrip: Interval
    /// Four times its variation.
    package var variation: Interval
    /// The retransmission time-out where segments get lost, else zero.
    package var retransmission: Interval

    package init(roundTrip: Interval, variation: Interval, retransmission: Interval = .zero) {
        self.roundTrip = roundTrip
        self.variation = variation
        self.retransmission = retransmission
    }
}

extension Interval {
    /// Not negative.
    var learned: Microseconds { max(microseconds, 0) }
    static func learned(_ length: Microseconds) -> Interval { scaled(length, 1000) }
}
