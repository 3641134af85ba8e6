import HTTPWire
import Upstream

/// Where requests with one scheme and authority go, as the client wrote both. Value.
struct KnownRoute {
    private let scheme: TargetScheme
    private let authority: WrittenAuthority
    let pool: UpstreamPool

    init(_ head: borrowing RequestHead, _ bytes: RawSpan, _ pool: UpstreamPool) {
        scheme = head.scheme
        authority = WrittenAuthority(head, bytes)
        self.pool = pool
    }

    /// Whether the request goes there.
    @inline(__always)
    func leads(_ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        head.form == .absolute && scheme == head.scheme && !pool.isForgotten && authority.isOf(head, bytes)
    }
}

/// The routes of recent requests: a host is parsed and checked against the policy once, not for each short-lived client that
/// asks for it. Value.
struct RecentRoutes {
    private static let capacity = 16

    private var entries: [KnownRoute] = []
    private var oldest = 0

    func find(_ head: borrowing RequestHead, _ bytes: RawSpan) -> KnownRoute? {
        for entry in entries where entry.leads(head, bytes) { return entry }
        return nil
    }

    mutating func note(_ route: KnownRoute) {
        if entries.count < Self.capacity {
            entries.append(route)
        } else {
            entries[oldest] = route
            oldest = (oldest + 1) % Self.capacity
        }
    }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        oldest = 0
    }
}
