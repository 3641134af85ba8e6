import Pooling
import ProxyTypes
import Tuning

/// The order in which a dial tries the addresses of a name. Value.
struct DialOrder: Equatable {
    /// A dial tries no more of a family: each takes its time, and its place in what is told of it.
    static let most = 8

    /// The last `lastResorts` failed lately.
    let addresses: [IPAddress]
    let lastResorts: Int

    /// `sorted`: as the resolver gave them. `connections`: of the pool, at each. The family that comes first stays first:
    /// the race decides between families.
    init(
        _ sorted: [IPAddress], _ order: AddressOrder, connections: [IPAddress: Int],
        isLastResort: (IPAddress) -> Bool
    ) {
        // Most names, without an allocation.
        if sorted.count == 1 {
            addresses = sorted
            lastResorts = isLastResort(sorted[0]) ? 1 : 0
            return
        }
        let isLast = sorted.map(isLastResort)
        var ordered = Array(sorted.indices)
        if order == .spread, !sorted.isEmpty {
            let first = sorted[0].family
            func rank(_ index: Int) -> (Int, Int, Int) {
                (sorted[index].family == first ? 0 : 1, connections[sorted[index]] ?? 0, index)
            }
            ordered.sort { rank($0) < rank($1) }
        }
        let healthy = ordered.filter { !isLast[$0] }
        let failing = ordered.filter { isLast[$0] }
        var (kept, left) = ([Int](), [IPAddress.Family.ipv4: Self.most, .ipv6: Self.most])
        for index in healthy + failing {
            guard let room = left[sorted[index].family], room > 0 else { continue }
            left[sorted[index].family] = room - 1
            kept.append(index)
        }
        addresses = kept.map { sorted[$0] }
        lastResorts = kept.count { isLast[$0] }
    }
}
