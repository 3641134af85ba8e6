package import ProxyTypes

/// What was learned of how long an origin keeps idle connections, as it is kept. Value.
package struct LearnedLimit: Hashable, Sendable {
    package var origin: Origin
    /// The learner's own form; empty: it was forgotten.
    package var state: [UInt8]
    /// When it last changed, in milliseconds since 1970; nil: never.
    package var changed: Int64?

    package init(origin: Origin, state: [UInt8], changed: Int64?) {
        self.origin = origin
        self.state = state
        self.changed = changed
    }
}
