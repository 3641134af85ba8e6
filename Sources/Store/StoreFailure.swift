/// Why something could not be stored or read: what failed, and what to do. Value.
package struct StoreFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, CaseIterable, Sendable {
        case full
        case readOnly = "read_only"
        case locked
        /// Another connd uses it.
        case inUse = "in_use"
        case corrupt
        /// The path no longer names the file that was opened.
        case missing
        case unopenable
        /// Created by a later version; never modified.
        case newerSchema = "newer_schema"
        /// Not a database of connd; never modified.
        case foreign
        case closed
        case other
    }

    package let kind: Kind
    /// One line for people.
    package let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// Whether connd must not start with such a database.
    var forbidsStart: Bool { kind == .newerSchema || kind == .foreign }
}
