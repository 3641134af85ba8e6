package import ProxyTypes

/// Looks names up without holding its loop. Loop-bound.
package struct Resolver {
    package typealias Completion = (NameAnswer) -> Void
    package typealias Abandon = () -> Void

    private let start: (String, ResolverMode, @escaping Completion) -> Abandon
    /// What need not be looked up.
    let known: (String, ResolverMode) -> NameAnswer?

    /// `start` returns what ends the look-up early, and calls its completion from the loop, perhaps before it returns.
    /// Where the answer for one family comes late it calls it again, with that alone.
    package init(
        known: @escaping (String, ResolverMode) -> NameAnswer? = { _, _ in nil },
        start: @escaping (String, ResolverMode, @escaping Completion) -> Abandon
    ) {
        self.known = known
        self.start = start
    }

    /// One that asks in one way only, and whose look-ups cannot be ended.
    package init(_ start: @escaping (String, @escaping Completion) -> Void) {
        known = { _, _ in nil }
        self.start = { name, _, completion in
            start(name, completion)
            return {}
        }
    }

    func lookUp(_ name: String, _ mode: ResolverMode, _ completion: @escaping Completion) -> Abandon {
        start(name, mode, completion)
    }
}
