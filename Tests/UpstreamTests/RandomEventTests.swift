import HTTPWire
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// Random orders of what exchanges, peers, operators and the clock can do, from a seed.
private final class RandomEvents {
    private let fixture = UpstreamFixture {
        $0.maxConnections = 3
        $0.pipelining = .idempotent
        $0.pipelineDepth = 3
        $0.closeLinger = .seconds(2)
        $0.headersTimeout = .seconds(30)
        $0.bodyIdleTimeout = .seconds(30)
    }
    private var random: SeededRandom
    private var exchanges: [RecordingExchange] = []
    private var abandoned: Set<String> = []
    /// Of each peer: how many requests it has answered, and what is left to send of the answer to the next.
    private var answered: [Int] = []
    private var unsent: [String] = []
    /// What was against the rules.
    private(set) var faults: [String] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private func below(_ bound: Int) -> Int { random.below(bound) }

    private var live: [Int] { fixture.kernel.peers.indices.filter { !fixture.kernel.peers[$0].isClosed } }

    func run(_ count: Int) {
        for _ in 0..<count {
            step()
            fixture.turn()
            if fixture.counts.connections > fixture.settings.maxConnections { faults.append("\(fixture.counts)") }
        }
        finish()
    }

    private func step() {
        switch below(20) {
        case 0..<5: lease()
        case 5..<6: openTunnel()
        case 6..<14: if let peer = live.randomElement(using: &random) { act(peer) }
        case 14: if let exchange = exchanges.randomElement(using: &random) { abandon(exchange) }
        case 15:
            exchanges.randomElement(using: &random)?.setReading(below(2) == 0, now: fixture.loop.now)
        case 16: exchanges.randomElement(using: &random)?.connection?.shutTunnelOutputIfOpen()
        case 17: fixture.kernel.advance(by: .milliseconds(Int64(below(20_000))))
        case 18: if below(4) == 0 { _ = fixture.pool.drain(now: fixture.loop.now) }
        default: if below(4) == 0 { closeSome() }
        }
    }

    private func newExchange() -> RecordingExchange {
        let exchange = RecordingExchange("exchange-\(exchanges.count)")
        exchanges.append(exchange)
        return exchange
    }

    private func lease() {
        let exchange = newExchange()
        exchange.sendsAll = below(4) != 0
        fixture.lease(exchange, mayPipeline: exchange.sendsAll && below(3) != 0)
    }

    private func openTunnel() {
        let exchange = newExchange()
        exchange.method = .connect
        fixture.openTunnel(exchange)
    }

    private func abandon(_ exchange: RecordingExchange) {
        guard exchange.connection != nil, !exchange.hasEnded else { return }
        abandoned.insert(exchange.name)
        if exchange.method == .connect {
            exchange.connection?.closeTunnel(.clientAborted)
        } else {
            exchange.abandon(now: fixture.loop.now)
        }
    }

    private func closeSome() {
        guard let connection = fixture.connections.randomElement(using: &random) else { return }
        fixture.pool.close(connection, force: below(2) == 0, now: fixture.loop.now)
    }

    // MARK: Peers

    private func act(_ index: Int) {
        let peer = fixture.kernel.peers[index]
        switch below(24) {
        case 0: peer.end()
        case 1: if below(2) == 0 { peer.reset() } else { peer.vanish() }
        case 2: peer.takeOnly(below(30))
        case 3..<6: peer.takeAll()
        case 6 where peer.received.isEmpty: peer.refuse()
        case 6..<9: peer.accept()
        default: answer(index)
        }
    }

    /// Part of the answer that is due, which names its request.
    private func answer(_ index: Int) {
        while answered.count <= index {
            answered.append(0)
            unsent.append("")
        }
        if unsent[index].isEmpty {
            let names = fixture.kernel.peers[index].received.split(separator: "GET /").map { $0.prefix { $0 != " " } }
            let isWhole = fixture.kernel.peers[index].received.components(separatedBy: "\r\n\r\n") - 1 > answered[index]
            guard isWhole, answered[index] < names.count else { return }
            let name = names[answered[index]]
            answered[index] += 1
            let interim = below(4) == 0 ? "HTTP/1.1 102 Processing\r\n\r\n" : ""
            let close = below(8) == 0 ? "Connection: close\r\n" : ""
            unsent[index] = "\(interim)HTTP/1.1 200 OK\r\n\(close)Content-Length: \(name.utf8.count)\r\n\r\n\(name)"
        }
        let count = below(3) == 0 ? below(unsent[index].count) + 1 : unsent[index].count
        fixture.kernel.peers[index].send(String(unsent[index].prefix(count)))
        unsent[index].removeFirst(count)
    }

    var seen: Set<String> { Set(exchanges.flatMap(\.events)) }

    // MARK: Rules

    private func checkExchanges() {
        for exchange in exchanges {
            let ends = exchange.events.count { RecordingExchange.ends.contains($0) }
            if ends > 1 { faults.append("\(exchange.name) ended \(ends) times: \(exchange.events)") }
            if ends == 1, !exchange.hasEnded { faults.append("\(exchange.name) went on: \(exchange.events)") }
            if exchange.events.last == "ended", exchange.body != exchange.name {
                faults.append("\(exchange.name) got \(exchange.body)")
            }
        }
    }

    /// When all peers are gone and time has passed nothing is left.
    private func finish() {
        for exchange in exchanges { exchange.setReading(true, now: fixture.loop.now) }
        fixture.pool.shutdown(now: fixture.loop.now)
        for _ in 0..<4 {
            for peer in live { fixture.kernel.peers[peer].reset() }
            fixture.advance(by: .hours(1))
        }
        checkExchanges()
        for exchange in exchanges where !exchange.hasEnded && !abandoned.contains(exchange.name) {
            faults.append("\(exchange.name) was left over: \(exchange.events)")
        }
        for exchange in exchanges where exchange.hasEnded && abandoned.contains(exchange.name) {
            faults.append("\(exchange.name) was told of its end though it had given up: \(exchange.events)")
        }
        if !fixture.isAtRest { faults.append("left over: \(fixture.counts)") }
        if !live.isEmpty { faults.append("open sockets: \(live)") }
    }
}

extension String {
    /// How many parts the separator makes.
    fileprivate func components(separatedBy separator: String) -> Int {
        var count = 1
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

extension UpstreamConnection {
    fileprivate func shutTunnelOutputIfOpen() {
        if case .tunnel(let tunnel) = state, tunnel.ended != .output { shutTunnelOutput() }
    }
}

@Suite("Upstream in random orders of events")
struct RandomEventTests {
    @Test("each exchange ends once, with its own response, and nothing is left over", arguments: 0..<40)
    func random(round: Int) {
        for seed in UInt64(round) * 10..<UInt64(round) * 10 + 10 {
            let events = RandomEvents(seed: seed)
            events.run(300)
            #expect(events.faults.isEmpty, "seed \(seed): \(events.faults.first ?? "")")
        }
    }

    @Test("the events reach every way in which an exchange ends, reuse and pipelining among them")
    func reach() {
        var seen: Set<String> = []
        for seed in UInt64(0)..<100 {
            let events = RandomEvents(seed: seed)
            events.run(300)
            seen.formUnion(events.seen)
        }
        let expected = RecordingExchange.ends.union(["granted reused", "next", "input closed", "drained", "102"])
        #expect(expected.subtracting(seen).isEmpty)
    }
}
