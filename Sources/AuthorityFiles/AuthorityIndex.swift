import Foundation

/// Which authorities there are, in the order in which they were made: what `index.json` says. A change of the directory takes
/// effect when this is replaced. Value.
package struct AuthorityIndex: Codable, Hashable, Sendable {
    package struct Entry: Codable, Hashable, Sendable {
        package let serial: String
        /// Nil: any.
        package let domains: [String]?
        /// In milliseconds since 1970; `signsFrom` too.
        package let created: Int64
        /// From when on it signs in place of the one before it.
        package let signsFrom: Int64
        /// It signs no more, and its key is gone.
        package var isRetired: Bool

        package init(
            serial: String, domains: [String]?, created: Int64, signsFrom: Int64, isRetired: Bool = false
        ) {
            self.serial = serial
            self.domains = domains
            self.created = created
            self.signsFrom = signsFrom
            self.isRetired = isRetired
        }

        private enum CodingKeys: String, CodingKey {
            case serial
            case domains
            case created
            case signsFrom = "signs_from"
            case isRetired = "retired"
        }
    }

    package enum Role: String, Sendable {
        case current, next, retired
    }

    private static let format = 1

    private let format: Int
    package private(set) var authorities: [Entry]

    package init(_ authorities: [Entry] = []) {
        format = Self.format
        self.authorities = authorities
    }

    /// Nil if it is none, or of another format.
    init?(_ text: String) {
        guard let index = try? JSONDecoder().decode(AuthorityIndex.self, from: Data(text.utf8)),
            index.format == Self.format, Set(index.authorities.map(\.serial)).count == index.authorities.count,
            index.authorities.allSatisfy({ Self.isSerial($0.serial) })
        else { return nil }
        self = index
    }

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(self) else { return "" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// Serials are names of directories.
    static func isSerial(_ text: some StringProtocol) -> Bool {
        text.utf8.count == serialLength
            && text.unicodeScalars.allSatisfy { "0"..."9" ~= $0 || "a"..."f" ~= $0 }
    }

    private static let serialLength = 8

    package static func newSerial(_ random: UInt32) -> String {
        let digits = String(random, radix: 16)
        return String(repeating: "0", count: serialLength - digits.count) + digits
    }

    // MARK: Roles

    package var signing: [Entry] { authorities.filter { !$0.isRetired } }

    /// When the next one takes over; nil where there is none.
    package func switchTime(now: Int64) -> Int64? {
        guard let last = signing.last, signing.count > 1, last.signsFrom > now else { return nil }
        return last.signsFrom
    }

    package func role(of entry: Entry, now: Int64) -> Role {
        // What has been replaced signs no more, though its files may be there for a moment.
        if entry.isRetired || outlived(now: now).contains(entry) { return .retired }
        return switchTime(now: now) != nil && entry == signing.last ? .next : .current
    }

    /// Those whose next one has taken over, and that are not retired yet.
    package func outlived(now: Int64) -> [Entry] {
        guard let last = signing.last(where: { $0.signsFrom <= now }) else { return [] }
        return Array(signing.prefix { $0 != last })
    }

    func retiring(_ serials: Set<String>) -> AuthorityIndex {
        var index = self
        for position in authorities.indices where serials.contains(authorities[position].serial) {
            index.authorities[position].isRetired = true
        }
        return index
    }

    /// Retired ones are forgotten then.
    func adding(_ entry: Entry) -> AuthorityIndex { AuthorityIndex(signing + [entry]) }
}
