package import ProxyTypes

/// How a look-up of a name ended. A closed set, used in metrics and the API.
package enum LookUpOutcome: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// With addresses, and without any: the name does not exist, or has none.
    case addresses, none
    case failed, timedOut
    /// No dial waited for it any longer.
    case abandoned

    package var name: String {
        switch self {
        case .addresses: "addresses"
        case .none: "no_such_name"
        case .failed: "failed"
        case .timedOut: "timed_out"
        case .abandoned: "abandoned"
        }
    }
}

/// What a dial that needed a name's addresses got from the cache. A closed set, used in metrics.
package enum NameUse: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// Addresses that have not expired; expired ones, while DNS was silent or failed.
    case fresh, stale
    /// That the name does not exist, or that its look-up has just failed.
    case negative
    /// A look-up began, or one was under way already.
    case asked, joined
    /// Too many look-ups were under way.
    case refused

    package var name: String {
        switch self {
        case .fresh: "fresh"
        case .stale: "stale"
        case .negative: "negative"
        case .asked: "asked"
        case .joined: "joined"
        case .refused: "refused"
        }
    }
}

/// What is counted of names and their look-ups on one loop. Value; a snapshot sums all loops.
package struct NameStatistics: Sendable {
    package var uses = Counters<NameUse>()
    package var lookUps = Counters<LookUpOutcome>()
    /// Those that brought addresses.
    package var answers = Counters<AddressSource>()
    /// Look-ups before a name was asked for.
    package var refreshes = 0
    /// Names that got other addresses.
    package var moves = 0
    package var lookUpTime = Histogram()

    package init() {}
}
