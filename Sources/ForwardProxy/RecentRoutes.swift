import Upstream

/// The pools that requests went to lately, by the authority of the target as the client wrote it: a host is parsed and checked
/// against the policy once, not for each short-lived client that asks for it. Value.
struct RecentRoutes {
    private struct Entry {
        let authority: [UInt8]
        let pool: UpstreamPool
    }

    private static let capacity = 16

    private var entries: [Entry] = []
    private var oldest = 0

    /// With the authority in storage that its clients share. Only targets with the scheme http are kept here.
    func find(_ authority: Range<Int>, _ bytes: RawSpan) -> (authority: [UInt8], pool: UpstreamPool)? {
        for entry in entries where !entry.pool.isForgotten && Self.equal(bytes, authority, entry.authority) {
            return (entry.authority, entry.pool)
        }
        return nil
    }

    mutating func note(_ authority: [UInt8], _ pool: UpstreamPool) {
        let entry = Entry(authority: authority, pool: pool)
        if entries.count < Self.capacity {
            entries.append(entry)
        } else {
            entries[oldest] = entry
            oldest = (oldest + 1) % Self.capacity
        }
    }

    /// The policy has changed.
    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        oldest = 0
    }

    @inline(__always)
    static func equal(_ bytes: RawSpan, _ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.count == other.count else { return false }
        for index in other.indices
        where bytes.unsafeLoad(fromByteOffset: range.lowerBound + index, as: UInt8.self) != other[index] {
            return false
        }
        return true
    }
}
