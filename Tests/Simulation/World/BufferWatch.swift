import ForwardProxy
import ProxyTypes
import Tuning
import Upstream

/// What connd holds is bounded, whatever its peers take and send. Value.
struct BufferWatch {
    private var round = 0
    private var largestReplay: Int

    /// Peers are slow for longer than this.
    private static let every = 8
    /// How much of a response whose turn has not come is read at once, and the requests of a client or on a connection that
    /// may be under way at once, are connd's own bounds.
    private static let part = 16 * 1024
    private static let mostPipelined = 16
    /// What connd adds to a head.
    private static let growth = 1024

    init(_ world: World) {
        largestReplay = world.origins.map(\.settings.replayBuffer).max() ?? 0
    }

    /// Settings have changed.
    mutating func note(_ world: World) {
        largestReplay = max(largestReplay, world.origins.map(\.settings.replayBuffer).max() ?? 0)
    }

    mutating func check(_ world: World, _ proxy: ProxyUnderTest) {
        round += 1
        guard round % Self.every == 0 else { return }
        let read = max(world.configuration.maxBuffer, 4096)
        let head = World.maxHead + Self.growth
        func check(_ what: String, _ held: Int, _ bound: Int) {
            if held > bound {
                world.violated(.buffers, "\(held) bytes are held of \(what), which is more than \(bound)")
            }
        }
        let most = proxy.loop.mostBuffered
        check("what a client sent", most.unread, head + read)
        check("a request's body", most.requestBody, max(read / 2 + read + head, largestReplay))
        let response = Self.part + read + head
        check("a response whose turn has not come", most.response, response)
        check("what a client does not take", most.output, world.hasPipelines ? Self.mostPipelined * response : response)
        let upstream = proxy.upstream.mostBuffered
        check("a response's head", upstream.input, head + read)
        check("what an origin does not take", upstream.output, 3 * read + (Self.mostPipelined + 1) * head)
        if world.scenario.isCalm { checkTotal(world) }
    }

    /// All of it is passed on where nothing goes wrong, and heads change little.
    private func checkTotal(_ world: World) {
        let traffic = world.kernel.traffic
        let held = max(traffic.fromClients - traffic.toOrigins, 0) + max(traffic.fromOrigins - traffic.toClients, 0)
        let buffer = world.configuration.maxBuffer
        // A read each way, a part of a head or of a body that waits for its turn, and what heads lose on their way.
        let perClient = 4 * buffer + 4096 + (world.hasPipelines ? Self.mostPipelined * 2 * Self.part : 0)
        let bound = world.clients.count * perClient + world.ledger.accounts.count * 512
        if held > bound { world.violated(.buffers, "connd holds \(held) bytes, which is more than \(bound)") }
    }
}
