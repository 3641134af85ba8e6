package import ProxyTypes

/// Looks names up without holding its loop. Loop-bound.
package struct Resolver {
    package typealias Completion = (NameAnswer) -> Void
    package typealias Abandon = () -> Void

    private let start: (String, ResolverMode, @escaping Completion) -> Abandon

    /// `start` returns what ends the look-up early, and calls its completion from the loop, perhaps before it returns.
    /// Where the addresses of one family come late it calls it again, then with both.
    package init(start: @escaping (String, ResolverMode, @escaping Completion) -> Abandon) {
        self.start = start
    }

    /// One that asks in one way only, and whose look-ups cannot be ended.
    package init(_ start: @escaping (String, @escaping Completion) -> Void) {
        self.start = { name, _, completion in
            start(name, completion)
            return {}
        }
    }

    func lookUp(_ name: String, _ mode: ResolverMode, _ completion: @escaping Completion) -> Abandon {
        start(name, mode, completion)
    }
}
