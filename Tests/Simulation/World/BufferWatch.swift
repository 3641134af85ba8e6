import ForwardProxy
import ProxyTypes
import Tuning
import Upstream

/// Checks that connd's buffers stay within their bounds, whatever its peers send and read. Value.
struct BufferWatch {
    private var round = 0
    private var largestReplay: Int

    /// How many rounds pass between two checks; slow peers fill buffers for longer than that.
    private static let every = 8
    /// connd's own bounds: how much of a response is read before its turn, and how many requests of a client, or on one
    /// connection, may be outstanding.
    private static let part = 16 * 1024
    private static let mostPipelined = 16
    /// The most that connd adds to a head.
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
        let speaksTLS = world.origins.contains { $0.plan.tls != nil }
        let read = max(world.configuration.maxBuffer, 4096)
        // With the rest of a record, one read may bring all of it.
        let readOfOrigin = read + (speaksTLS ? Records.maxPayload : 0)
        let head = World.maxHead + Self.growth
        func check(_ what: String, _ held: Int, _ bound: Int) {
            if held > bound {
                world.violated(.buffers, "\(held) bytes are held of \(what), which is more than \(bound)")
            }
        }
        let most = proxy.loop.mostBuffered
        check("what a client sent", most.unread, head + read)
        check("a request's body", most.requestBody, max(read / 2 + read + head, largestReplay))
        let response = Self.part + readOfOrigin + head
        check("a response whose turn has not come", most.response, response)
        check("what a client does not take", most.output, world.hasPipelines ? Self.mostPipelined * response : response)
        let upstream = proxy.upstream.mostBuffered
        check("a response's head", upstream.input, head + readOfOrigin)
        let ofTLS = speaksTLS ? 64 * 1024 + read : 0
        check("what an origin does not take", upstream.output, 3 * read + (Self.mostPipelined + 1) * head + ofTLS)
        if world.scenario.isCalm { checkTotal(world) }
    }

    /// Without faults everything is passed on, and heads change little.
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
