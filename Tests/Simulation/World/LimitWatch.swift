import ForwardProxy
import Metering
import ProxyTypes
import Tuning
import Upstream

/// Checks limits after each round, by counting in the network where possible. A count that rises above its limit
/// violates it; one that exceeds a lowered limit only has to fall. Value.
struct LimitWatch {
    /// A limit that may have been lowered: work that began under the higher one may still add to the count.
    private struct Limit {
        private var current: Int
        private var higher = 0
        private var until = Instant.zero

        init(_ limit: Int) {
            current = limit
        }

        /// Longer than a look-up and a dial.
        private static let memory = Interval.seconds(10)

        mutating func most(_ limit: Int, now: Instant) -> Int {
            if limit < current {
                higher = max(now < until ? higher : 0, current)
                until = now + Self.memory
            }
            current = limit
            return now < until ? max(current, higher) : current
        }
    }

    private struct OriginCounts {
        var connections = 0
        var tunnels = 0
        var waiting = 0
        var maxConnections: Limit
        var maxTunnels: Limit
        var maxQueue: Limit
    }

    private var perOrigin: [OriginCounts]
    private var clients = 0
    private var upstream = 0
    private var maxClients: Limit
    private var maxUpstream: Limit
    private var links = -1
    private var descriptors = -1

    /// Up to this many connections that are being closed occupy no slot (`ClientSlots`).
    private static let lingering = 64

    init(_ world: World) {
        perOrigin = world.origins.map { origin in
            OriginCounts(
                maxConnections: Limit(origin.settings.maxConnections), maxTunnels: Limit(origin.settings.maxTunnels),
                maxQueue: Limit(origin.settings.maxQueue))
        }
        maxClients = Limit(world.configuration.maxClientConnections)
        maxUpstream = Limit(world.configuration.maxUpstreamConnections)
    }

    /// Limits change, perhaps more than once between two checks.
    mutating func note(_ world: World) {
        for (index, origin) in world.origins.enumerated() {
            _ = perOrigin[index].maxConnections.most(origin.settings.maxConnections, now: world.now)
            _ = perOrigin[index].maxTunnels.most(origin.settings.maxTunnels, now: world.now)
            _ = perOrigin[index].maxQueue.most(origin.settings.maxQueue, now: world.now)
        }
        _ = maxClients.most(world.configuration.maxClientConnections, now: world.now)
        _ = maxUpstream.most(world.configuration.maxUpstreamConnections, now: world.now)
    }

    mutating func check(_ world: World, _ proxy: ProxyUnderTest) {
        for index in world.origins.indices { checkQueue(world, proxy, index) }
        let kernel = world.kernel
        // No count can have risen if nothing was opened.
        guard world.network.links.count != links || kernel.openDescriptors != descriptors else { return }
        links = world.network.links.count
        descriptors = kernel.openDescriptors
        var spare = 0
        for index in world.origins.indices { spare += checkConnections(world, index) }
        checkTotals(world, spare: spare)
    }

    /// Returns how many sockets there may be in addition to the connections: a race of addresses briefly opens several.
    private mutating func checkConnections(_ world: World, _ index: Int) -> Int {
        let origin = world.origins[index]
        let now = world.now
        let racers = origin.endpoints.count - 1
        let connections = origin.endpoints.reduce(0) { $0 + world.kernel.connections(to: $1) }
        let most = perOrigin[index].maxConnections.most(origin.settings.maxConnections, now: now)
        if connections > perOrigin[index].connections, connections > most * (1 + racers) {
            world.violated(.limits, "\(connections) connections to origin \(index); max_connections is \(most)")
        }
        perOrigin[index].connections = connections
        let tunnels = origin.tunnelEndpoints.reduce(0) { $0 + world.kernel.connections(to: $1) }
        let mostTunnels = perOrigin[index].maxTunnels.most(origin.settings.maxTunnels, now: now)
        if tunnels > perOrigin[index].tunnels, tunnels > mostTunnels * (1 + racers) {
            world.violated(.limits, "\(tunnels) tunnels to origin \(index); max_tunnels is \(mostTunnels)")
        }
        perOrigin[index].tunnels = tunnels
        return racers * (most + mostTunnels)
    }

    private mutating func checkQueue(_ world: World, _ proxy: ProxyUnderTest, _ index: Int) {
        let origin = world.origins[index]
        let most = perOrigin[index].maxQueue.most(origin.settings.maxQueue, now: world.now)
        guard most < 100, let gauges = proxy.upstream.existingPool(for: origin.origin)?.gauges else { return }
        // Those for whom something is under way do not count, nor those whose dials a drain has taken away, nor those
        // for whom a connection has just made room.
        let backedOff = gauges.dialFailures > 0 ? origin.settings.maxConnections : 0
        let excused = gauges.dialing + gauges.draining + gauges.closing + backedOff
        if gauges.waiting > perOrigin[index].waiting, gauges.waiting - excused > most,
            gauges.waiting - excused - justClosed(world, index) > most
        {
            world.violated(.limits, "\(gauges.waiting) wait for origin \(index); max_queue is \(most)")
        }
        perOrigin[index].waiting = gauges.waiting
    }

    /// As many as were open after the round before.
    private func justClosed(_ world: World, _ index: Int) -> Int {
        let open = world.origins[index].endpoints.reduce(0) { $0 + world.kernel.connections(to: $1) }
        return max(perOrigin[index].connections - open, 0)
    }

    private mutating func checkTotals(_ world: World, spare: Int) {
        let own = world.kernel.ownConnections
        let mostUpstream = maxUpstream.most(world.configuration.maxUpstreamConnections, now: world.now)
        if own > upstream, own > mostUpstream + spare {
            world.violated(.limits, "\(own) upstream connections; max_upstream_connections is \(mostUpstream)")
        }
        upstream = own
        let finished = min(world.kernel.finishedClients, Self.lingering)
        let accepted = world.kernel.acceptedConnections - finished
        let mostClients = maxClients.most(world.configuration.maxClientConnections, now: world.now)
        // Clients that a listener accepted before it closed are served, even if they exceed the limit.
        if accepted > clients, accepted > mostClients, !world.isStopping, !world.hasListenerChanges {
            world.violated(.limits, "\(accepted) clients; max_client_connections is \(mostClients)")
        }
        clients = accepted
    }
}
