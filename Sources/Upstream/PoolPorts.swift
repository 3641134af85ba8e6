package import Metering
import Pooling
package import ProxyTypes
import Tuning

/// What a pool knows of the local ports on its paths. Value.
struct PoolPorts {
    private struct Dialled {
        let path: PortPath
        var last: Instant
    }

    /// Bounded; the one that was dialled longest ago makes room.
    private var dialled: [Dialled] = []
    var shortage: PortShortage?

    private static let mostPaths = 16
    /// How long after its last dial a path is reported: connections on it may be in TIME_WAIT.
    private static let remembered = PortSpace.timeWait + PortSpace.timeWait

    /// Those on which connections have been opened of late.
    mutating func recent(now: Instant) -> [PortPath] {
        dialled.removeAll { now - $0.last > Self.remembered }
        return dialled.map(\.path)
    }

    mutating func noteDial(_ path: PortPath, now: Instant) {
        if let place = dialled.firstIndex(where: { $0.path == path }) {
            dialled[place].last = now
        } else {
            if dialled.count == Self.mostPaths,
                let oldest = dialled.indices.min(by: { dialled[$0].last < dialled[$1].last })
            {
                dialled.remove(at: oldest)
            }
            dialled.append(Dialled(path: path, last: now))
        }
    }
}

/// Few local ports are left for connections to an origin. Value.
package struct PortShortage: Hashable, Sendable {
    /// The one that has the most ports left.
    package let path: PortPath
    package let free: Int
    package let usable: Int
    /// How many dials may begin until more is known.
    package let dials: Int

    package init(path: PortPath, free: Int, usable: Int, dials: Int) {
        self.path = path
        self.free = free
        self.usable = usable
        self.dials = dials
    }
}

/// On which paths an origin's connections lead. Value.
package struct OriginPaths: Sendable {
    package let origin: Origin
    package let paths: Set<PortPath>
}

/// Calls for a census of local ports when so many connections were opened that they may have become few, or when a dial
/// found none. Loop-bound value.
package struct CensusCall {
    package var call: (@Sendable () -> Void)?
    /// How many connections may be opened before the next call.
    package var dialsLeft = 16

    package init() {}

    mutating func connectionOpened() {
        dialsLeft -= 1
        if dialsLeft == 0 { call?() }
    }
}

/// Local ports, as the data loop sees and treats them.
extension UpstreamLoop {
    /// For a census, of at most so many paths.
    package func portPaths(limit: Int) -> [OriginPaths] {
        var left = limit
        var found: [OriginPaths] = []
        for pool in allPools where left > 0 {
            let paths = pool.portPaths(now: now)
            guard !paths.isEmpty else { continue }
            found.append(OriginPaths(origin: pool.origin, paths: paths))
            left -= paths.count
        }
        return found
    }

    /// What a census has found; pools that it does not name have ports enough. `dialsUntilNext`: after so many more
    /// connections another one is due.
    package func apply(_ shortages: [Origin: PortShortage], dialsUntilNext: Int) {
        census.dialsLeft = max(1, dialsUntilNext)
        for pool in allPools { pool.apply(shortages[pool.origin], now: now) }
    }
}

extension UpstreamPool {
    fileprivate func portPaths(now: Instant) -> Set<PortPath> {
        var paths = Set(ports.recent(now: now))
        for connection in sockets.connections { if let path = connection.portPath { paths.insert(path) } }
        // Each of several source addresses has ports of its own, also one from which nothing was dialled yet.
        for source in settings.sourceAddress {
            for path in paths where path.destination.address.family == source.family {
                paths.insert(PortPath(source: source, destination: path.destination))
            }
        }
        return paths
    }

    fileprivate func apply(_ shortage: PortShortage?, now: Instant) {
        guard shortage != nil || ports.shortage != nil || machine.isTryingForPort else { return }
        ports.shortage = shortage
        machine.apply(shortage.map { .few(dials: $0.dials) } ?? .ample, now: now, into: &actions.pending)
        perform(now: now)
    }

    /// Few are left: connections should end so that none stays in TIME_WAIT on this side.
    var sparesPorts: Bool { ports.shortage != nil || machine.isTryingForPort }

    func noteOpened(_ connection: UpstreamConnection, now: Instant) {
        guard let path = connection.portPath else { return }
        ports.noteDial(path, now: now)
        loop.census.connectionOpened()
    }

    /// The kernel had no port for a dial.
    func foundNoPort(_ id: ConnectionID, on path: PortPath, now: Instant) {
        if !path.source.isUnspecified { ports.noteDial(path, now: now) }
        loop.metrics.dialsWithoutPort += 1
        machine.dialFoundNoPort(id, now: now, into: &actions.pending)
        loop.census.call?()
    }

    /// Told to a request that was refused because ports are short.
    var portsShortDetail: String {
        let remedy = "widen net.ipv4.ip_local_port_range, or give more addresses in source_address (connctl ports)"
        guard let shortage = ports.shortage else {
            return "no local port was free for another connection to \(origin): \(remedy)"
        }
        return
            "only \(shortage.free) of \(shortage.usable) local ports are free from \(shortage.path), so connd opens no more"
            + " than it must, and no connection became free in time: \(remedy)"
    }
}

extension UpstreamConnection {
    var portPath: PortPath? {
        guard let local, let remote else { return nil }
        return PortPath(source: local.address, destination: remote)
    }
}
