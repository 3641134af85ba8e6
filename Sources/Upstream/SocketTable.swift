import Pooling

/// The dials and connections of one pool, by the ids that it knows them by. They are gone through in the order of their
/// slots, which follows from the events alone. Value.
struct SocketTable {
    private enum Socket {
        case none
        case dialing(Dial)
        case open(UpstreamConnection)
    }

    private struct Slot {
        var generation: UInt32 = 0
        var socket = Socket.none
    }

    private var slots: [Slot] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func insert(_ dial: Dial, _ id: ConnectionID) {
        while slots.count <= Int(id.slot) { slots.append(Slot()) }
        slots[Int(id.slot)] = Slot(generation: id.generation, socket: .dialing(dial))
        count += 1
    }

    /// The dial has ended, and another entry may follow with the same id. Nil: it was removed before.
    mutating func removeDial(_ id: ConnectionID) -> Dial? {
        guard isCurrent(id), case .dialing(let dial) = slots[Int(id.slot)].socket else { return nil }
        slots[Int(id.slot)].socket = .none
        count -= 1
        return dial
    }

    mutating func insert(_ connection: UpstreamConnection, _ id: ConnectionID) {
        while slots.count <= Int(id.slot) { slots.append(Slot()) }
        slots[Int(id.slot)] = Slot(generation: id.generation, socket: .open(connection))
        count += 1
    }

    func connection(_ id: ConnectionID) -> UpstreamConnection? {
        guard isCurrent(id), case .open(let connection) = slots[Int(id.slot)].socket else { return nil }
        return connection
    }

    /// Nil: it was removed before.
    mutating func removeConnection(_ id: ConnectionID) -> UpstreamConnection? {
        guard let connection = connection(id) else { return nil }
        slots[Int(id.slot)].socket = .none
        count -= 1
        return connection
    }

    @inline(__always)
    private func isCurrent(_ id: ConnectionID) -> Bool {
        Int(id.slot) < slots.count && slots[Int(id.slot)].generation == id.generation
    }

    var dials: [Dial] {
        slots.compactMap { if case .dialing(let dial) = $0.socket { dial } else { nil } }
    }

    var connections: [UpstreamConnection] {
        slots.compactMap { if case .open(let connection) = $0.socket { connection } else { nil } }
    }
}
