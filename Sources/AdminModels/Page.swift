/// One page of a list, and the cursor of the next. Value.
package struct Page<Item: Codable & Sendable>: Codable, Sendable {
    package var items: [Item]
    /// The `cursor` of the next page; null at the end.
    package var nextCursor: String?
    /// The total number of items, if known.
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

/// The requested part of a list. Value.
package struct PageRequest: Sendable {
    package static let limits = 1...1000
    package static let standardLimit = 100

    package var limit = PageRequest.standardLimit
    package var cursor: String?

    package init() {}
}
