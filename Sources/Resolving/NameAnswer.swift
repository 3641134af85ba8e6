package import ProxyTypes

/// What a look-up brought. Value.
package struct NameAnswer: Equatable, Sendable {
    /// What is known of the addresses of one family.
    package enum Family: Equatable, Sendable {
        /// In the order in which they came. `ttl` is nil where the source tells none.
        case addresses([IPAddress], ttl: Interval?)
        /// There is none.
        case absent(ttl: Interval?)
        /// No source has answered for this family.
        case unknown

        var isUnknown: Bool {
            switch self {
            case .unknown: true
            case .addresses, .absent: false
            }
        }

        /// An absence ends with one that it depends on.
        mutating func hold(atMost ttl: Interval) {
            switch self {
            case .absent(let own): self = .absent(ttl: min(own ?? ttl, ttl))
            case .addresses, .unknown: break
            }
        }
    }

    /// So many addresses of a family are kept: whoever answers must not decide how much is stored and tried.
    static let mostAddresses = 64

    package var ipv4: Family
    package var ipv6: Family
    package var source: AddressSource
    /// Why there is no address, for people.
    package var reason = ""
    /// No source answered in time.
    package var isTimeout = false
    /// It is of one family alone: what was told of the other before stands.
    package var isAddition = false

    package init(ipv4: Family, ipv6: Family, source: AddressSource, reason: String = "") {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.source = source
        self.reason = reason
    }

    package static func addresses(
        _ addresses: [IPAddress], ttl: Interval? = nil, source: AddressSource = .system
    ) -> NameAnswer {
        func family(_ family: IPAddress.Family) -> Family {
            let found = addresses.filter { $0.family == family }
            return found.isEmpty ? .absent(ttl: ttl) : .addresses(found, ttl: ttl)
        }
        return NameAnswer(ipv4: family(.ipv4), ipv6: family(.ipv6), source: source)
    }

    /// The name does not exist or has no address.
    package static func noSuchName(
        _ reason: String, ttl: Interval? = nil, source: AddressSource = .system
    ) -> NameAnswer {
        NameAnswer(ipv4: .absent(ttl: ttl), ipv6: .absent(ttl: ttl), source: source, reason: reason)
    }

    /// No source could answer: worth another try later.
    package static func failed(_ reason: String, isTimeout: Bool = false, source: AddressSource = .system) -> NameAnswer
    {
        var answer = NameAnswer(ipv4: .unknown, ipv6: .unknown, source: source, reason: reason)
        answer.isTimeout = isTimeout
        return answer
    }

    package var hasAddresses: Bool {
        switch (ipv4, ipv6) {
        case (.addresses, _), (_, .addresses): true
        case (.absent, .absent), (.absent, .unknown), (.unknown, .absent), (.unknown, .unknown): false
        }
    }

    /// Both families were answered, and none has an address.
    package var isAbsent: Bool {
        switch (ipv4, ipv6) {
        case (.absent, .absent): true
        case (.addresses, _), (_, .addresses), (.unknown, _), (_, .unknown): false
        }
    }
}
