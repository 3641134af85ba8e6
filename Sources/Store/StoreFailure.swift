/// Why something could not be kept or read: what failed, and what to do. Value.
package struct StoreFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, CaseIterable, Sendable {
        case full
        case readOnly = "read_only"
        case locked
        /// Another connd uses it.
        case inUse = "in_use"
        case corrupt
        /// The path names no file any more, or another one.
        case missing
        case unopenable
        /// Made by a later version: never touched.
        case newerSchema = "newer_schema"
        /// Not a database of connd's: never touched.
        case foreign
        case closed
        case other
    }

    package let kind: Kind
    /// One line for a human.
    package let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// Whether connd must not start with such a database.
    var forbidsStart: Bool { kind == .newerSchema || kind == .foreign }
}
