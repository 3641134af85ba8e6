/// Why the directory cannot be used or changed, and what to do. Value.
package struct AuthorityFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    init(_ action: String, _ path: String, _ number: CInt) {
        description = "cannot \(action) \(path): \(systemErrorText(number))"
    }
}
