package import AdminModels

/// A list that was read page by page. Value.
package struct Listing<Item: Codable & Sendable>: Sendable {
    package var items: [Item] = []
    /// The JSON of all pages as one object.
    package var body: [UInt8] = []
    /// Whether there are more items than the limit.
    package var isCut = false
    package var total: Int?
}

extension AdminClient {
    /// Reads pages until there are no more or `limit` items were read.
    package static func all<Item: Codable & Sendable>(
        limit: Int, _ fetch: (PageRequest) async throws(AdminFailure) -> AdminAnswer<Page<Item>>
    ) async throws(AdminFailure) -> Listing<Item> {
        var listing = Listing<Item>()
        var bodies: [[UInt8]] = []
        var request = PageRequest()
        while true {
            request.limit = min(max(limit - listing.items.count, 1), PageRequest.limits.upperBound)
            let answer = try await fetch(request)
            listing.items += answer.content.items
            listing.total = answer.content.total ?? listing.total
            bodies.append(answer.body)
            guard let next = answer.content.nextCursor, next != request.cursor else { break }
            request.cursor = next
            if listing.items.count >= limit {
                listing.isCut = true
                break
            }
        }
        listing.body = JSONMembers.joined(bodies)
        return listing
    }
}
