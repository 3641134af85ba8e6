/// How long an idle connection is kept.
package enum IdleTimeout: Hashable, BitwiseCopyable, Sendable {
    /// Short until the origin has hinted how long it keeps connections; never unbounded.
    case auto
    case fixed(Interval)
}

/// Which idle connection is granted next.
package enum ReuseOrder: String, CaseIterable, BitwiseCopyable, Sendable {
    case lifo, fifo
    /// The one with the largest congestion window; among equals the most recently used.
    case widest
}
