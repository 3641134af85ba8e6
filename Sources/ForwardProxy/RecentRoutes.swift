import HTTPWire
import Upstream

/// Where requests with one scheme and authority go, as the client wrote both. Value.
struct KnownRoute {
    private let scheme: TargetScheme
    /// In storage that the clients of the origin share.
    private let authority: [UInt8]
    let pool: UpstreamPool

    init(_ head: borrowing RequestHead, _ bytes: RawSpan, _ pool: UpstreamPool) {
        scheme = head.scheme
        authority = head.authority.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        self.pool = pool
    }

    /// Whether the request goes there.
    @inline(__always)
    func leads(_ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        let range = head.authority
        guard head.form == .absolute, scheme == head.scheme, range.count == authority.count, !pool.isForgotten else {
            return false
        }
        for index in authority.indices
        where bytes.unsafeLoad(fromByteOffset: range.lowerBound + index, as: UInt8.self) != authority[index] {
            return false
        }
        return true
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
