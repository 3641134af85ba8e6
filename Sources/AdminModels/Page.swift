/// A part of a list, and where the next one begins. Value.
package struct Page<Item: Codable & Sendable>: Codable, Sendable {
    package var items: [Item]
    /// To be given as `cursor`; null at the end.
    package var nextCursor: String?
    /// How many there are in all, where that is known.
    package var total: Int?

    package init(items: [Item], nextCursor: String? = nil, total: Int? = nil) {
        self.items = items
        self.nextCursor = nextCursor
        self.total = total
    }

    private enum CodingKeys: String, CodingKey {
        case items
        case nextCursor = "next_cursor"
        case total
    }
}

/// What part of a list is asked for. Value.
package struct PageRequest: Sendable {
    package static let limits = 1...1000
    package static let standardLimit = 100

    package var limit = PageRequest.standardLimit
    package var cursor: String?

    package init() {}
}
