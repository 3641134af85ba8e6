import ProxyTypes

/// Which addresses belong to a name, by the answers of the last minutes. Bounded. Value.
///
/// An address that is missing from an answer has left, unless the name's servers give a few of many addresses at a time, and
/// other ones each time: then addresses come back again and again, and one belongs to the name until it has been missing
/// for `memory`. Otherwise each answer would end most of the connections.
struct AddressHistory {
    private var lastSeen: [IPAddress: Instant] = [:]
    private var latest: Set<IPAddress> = []
    /// Addresses that had left and came back.
    private var returns: [Instant] = []

    static let memory = Interval.minutes(10)
    /// So many returns within `memory` are no move there and back.
    static let returnsOfRotation = 3
    private static let maxAddresses = 256

    /// Of an answer with addresses. Returns those that belong to the name.
    mutating func note(_ addresses: [IPAddress], now: Instant) -> Set<IPAddress> {
        lastSeen = lastSeen.filter { now < $0.value + Self.memory }
        returns.removeAll { now >= $0 + Self.memory }
        if addresses.contains(where: { lastSeen[$0] != nil && !latest.contains($0) }), returns.count < 16 {
            returns.append(now)
        }
        latest = Set(addresses)
        for address in addresses where lastSeen.count < Self.maxAddresses || lastSeen[address] != nil {
            lastSeen[address] = now
        }
        return rotates ? latest.union(lastSeen.keys) : latest
    }

    var rotates: Bool { returns.count >= Self.returnsOfRotation }
}
