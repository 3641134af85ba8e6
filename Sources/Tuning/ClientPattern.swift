package import ProxyTypes

/// One entry of `intercept_except`: clients by their address, by the program, or by the user that runs it. Value.
package enum ClientPattern: Hashable, Sendable, CustomStringConvertible {
    case range(AddressRange)
    /// The file name of the executable.
    case program(String)
    case user(String)
    case userNumber(UInt32)

    private static let programPrefix = "program:"
    private static let userPrefix = "user:"

    package init?(parsing text: some StringProtocol) {
        if text.hasPrefix(Self.programPrefix) {
            let name = text.dropFirst(Self.programPrefix.count)
            guard Self.isFileName(name) else { return nil }
            self = .program(String(name))
        } else if text.hasPrefix(Self.userPrefix) {
            let name = text.dropFirst(Self.userPrefix.count)
            if let number = DecimalText.parse(String(name)) {
                // The last one stands for no user.
                guard number < UInt32.max else { return nil }
                self = .userNumber(UInt32(number))
            } else {
                guard Self.isUserName(name) else { return nil }
                self = .user(String(name))
            }
        } else {
            guard let range = try? AddressRange(parsing: text) else { return nil }
            self = .range(range)
        }
    }

    package var description: String {
        switch self {
        case .range(let range): range.isSingleAddress ? range.base.description : range.description
        case .program(let name): Self.programPrefix + name
        case .user(let name): Self.userPrefix + name
        case .userNumber(let number): "\(Self.userPrefix)\(number)"
        }
    }

    /// Without a comma, which separates entries.
    private static func isFileName(_ name: some StringProtocol) -> Bool {
        (1...255).contains(name.utf8.count) && name.first != " " && name.last != " "
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ",") }
    }

    private static func isUserName(_ name: some StringProtocol) -> Bool {
        (1...256).contains(name.utf8.count) && name.first != "-"
            && name.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: ":") && byte != UInt8(ascii: ",")
                    && byte != UInt8(ascii: "/")
            }
    }
}

/// The clients that `intercept_except` lists. Value.
///
/// Users are compared by number, so a listed name matches only after `resolve`.
package struct ClientExceptions: Hashable, Sendable {
    package private(set) var patterns: [ClientPattern]
    /// Of the listed names.
    private var numbers: Set<UInt32>

    package init(_ patterns: [ClientPattern] = []) {
        self.patterns = patterns
        numbers = []
    }

    package var userNames: [String] {
        patterns.compactMap { if case .user(let name) = $0 { name } else { nil } }
    }

    /// A name that is missing in `users` matches nobody.
    package mutating func resolve(_ users: [String: UInt32]) {
        numbers = Set(userNames.compactMap { users[$0] })
    }

    /// `address`: nil on a Unix socket.
    package func contains(_ identity: ClientIdentity, address: IPAddress?) -> Bool {
        patterns.contains { pattern in
            switch pattern {
            case .range(let range): address.map(range.contains) ?? false
            case .program(let name): identity.program == name
            case .userNumber(let number): identity.user == number
            case .user: false
            }
        } || identity.user.map(numbers.contains) ?? false
    }
}

extension ClientIdentity {
    fileprivate var program: String? {
        if case .program(let name, _) = self { name } else { nil }
    }

    fileprivate var user: UInt32? {
        switch self {
        case .user(let user), .program(_, let user): user
        case .address, .unknown: nil
        }
    }
}
