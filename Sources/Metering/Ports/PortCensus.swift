package import ProxyTypes

/// The connections of this host on some paths at one moment, whichever program has them. Value.
package struct PortCensus: Sendable {
    package enum Holding: Hashable, Sendable {
        case open
        /// How long it stays in TIME_WAIT.
        case timeWait(left: Interval)
    }

    /// The connections of one path. Value.
    package struct Count: Sendable {
        package fileprivate(set) var open = 0
        package fileprivate(set) var timeWait = 0
        /// By local port, where connect gives such ones.
        fileprivate(set) var holdings: [UInt16: Holding] = [:]
    }

    package let time: Instant
    package let space: PortSpace
    package private(set) var counts: [PortPath: Count] = [:]
    /// Ports of the range on which something listens, on any address.
    package private(set) var listening: Set<UInt16> = []
    /// Connections on paths that found no place.
    package private(set) var uncounted = 0

    private let own: Set<PortPath>

    /// The number of paths is bounded, as other programs may connect from any of the host's addresses.
    package static let mostPaths = 1024

    /// `own`: paths that always find a place, whatever other programs do.
    package init(time: Instant, space: PortSpace, own: Set<PortPath> = []) {
        self.time = time
        self.space = space
        self.own = own
    }

    package mutating func add(_ holding: Holding, from local: Endpoint, to remote: Endpoint) {
        let path = PortPath(source: local.address, destination: remote)
        guard counts[path] != nil || counts.count < Self.mostPaths || own.contains(path) else {
            uncounted += 1
            return
        }
        counts[path, default: Count()].add(holding, local.port, isOfRange: space.contains(local.port))
    }

    package mutating func addListener(_ port: UInt16) {
        if space.contains(port) { listening.insert(port) }
    }
}

extension PortCensus.Count {
    fileprivate mutating func add(_ holding: PortCensus.Holding, _ port: UInt16, isOfRange: Bool) {
        switch holding {
        case .open: open += 1
        case .timeWait: timeWait += 1
        }
        guard isOfRange else { return }
        // An open one that has taken over the port of one in TIME_WAIT.
        if case .open? = holdings[port] { return }
        holdings[port] = holding
    }

    /// Whether the connection that held this port then still holds it.
    private func isKept(_ port: UInt16, since before: Self?, _ elapsed: Interval) -> Bool {
        guard let then = before?.holdings[port], let now = holdings[port] else { return false }
        switch (then, now) {
        case (.open, _): return true
        case (.timeWait, .open): return false
        case (.timeWait, .timeWait(let left)): return PortSpace.timeWait - left >= elapsed
        }
    }

    /// How many ports have been taken since then.
    func taken(since before: Self?, _ elapsed: Interval) -> Int {
        holdings.keys.count { !isKept($0, since: before, elapsed) }
    }

    /// How many connections have entered TIME_WAIT within that time.
    func ended(within elapsed: Interval) -> Int {
        holdings.values.count {
            switch $0 {
            case .open: false
            case .timeWait(let left): PortSpace.timeWait - left < elapsed
            }
        }
    }
}
