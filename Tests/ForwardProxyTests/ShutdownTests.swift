import Pooling
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("A stop of the data path")
struct ShutdownTests {
    private let proxy = ScriptedProxy()
    private static let grace = Interval.seconds(20)

    /// A stop that has begun, and how it ended.
    private final class Stop {
        private(set) var outcomes: [Shutdown.Outcome] = []
        private(set) var shutdown: Shutdown?

        init(_ proxy: ScriptedProxy, grace: Interval = ShutdownTests.grace) {
            shutdown = Shutdown(of: proxy.loop, grace: grace) { [unowned self] in outcomes.append($0) }
            shutdown?.begin()
            proxy.rest()
        }
    }

    @Test(
        "waiting requests are refused, and new clients left to the successor, in time before the end",
        arguments: [
            (grace: Interval.seconds(20), handover: Interval.seconds(15), waiting: Interval.seconds(19)),
            (grace: .seconds(2), handover: .milliseconds(1500), waiting: .milliseconds(1500)),
            (grace: .zero, handover: .zero, waiting: .zero),
        ])
    func schedule(grace: Interval, handover: Interval, waiting: Interval) {
        let now = Instant.zero + .seconds(1000)
        let schedule = ShutdownSchedule(grace: grace, now: now)
        #expect(schedule.handoverEnds == now + handover)
        #expect(schedule.waitingEnds == now + waiting)
        #expect(schedule.graceEnds == now + grace)
    }

    @Test("with no client it is over once the origins have closed their idle connections too")
    func noClients() throws {
        let (client, origin) = try proxy.start()
        proxy.send(origin, ScriptedProxy.ok)
        proxy.end(client)
        #expect(origin.ending == .none)
        let stop = Stop(proxy)
        #expect(origin.ending == .fin && stop.outcomes.isEmpty)
        origin.end()
        proxy.pass(.milliseconds(10))
        #expect(stop.outcomes == [.complete])
        #expect(proxy.kernel.openSockets == 0)
    }

    @Test("a request under way is answered first; connections to origins are closed after clients'")
    func requestUnderWay() throws {
        let (client, origin) = try proxy.start()
        let stop = Stop(proxy)
        proxy.pass(.seconds(5))
        #expect(stop.outcomes.isEmpty)
        proxy.send(origin, ScriptedProxy.ok)
        #expect(client.received.contains("Connection: close\r\n") && client.received.hasSuffix("ok"))
        #expect(client.ending == .fin && origin.ending == .none)
        client.end()
        proxy.pass(.milliseconds(10))
        #expect(origin.ending == .fin)
        origin.end()
        proxy.pass(.milliseconds(10))
        #expect(stop.outcomes == [.complete])
        #expect(proxy.kernel.openSockets == 0)
    }

    @Test("a client that has its answer and does not close is closed after a moment")
    func lingering() throws {
        let (client, origin) = try proxy.start()
        let stop = Stop(proxy)
        origin.send(ScriptedProxy.ok)
        proxy.pass(.milliseconds(10))
        proxy.pass(.milliseconds(240))
        #expect(client.ending == .fin && !client.isClosed && stop.outcomes.isEmpty)
        proxy.pass(.milliseconds(10))
        #expect(client.isClosed && client.ending == .fin)
        origin.end()
        proxy.pass(.milliseconds(10))
        #expect(stop.outcomes == [.complete])
        #expect(proxy.kernel.openSockets == 0)
    }

    @Test("what is under way when the grace ends is cut")
    func graceEnds() throws {
        let (client, origin) = try proxy.start()
        let stop = Stop(proxy)
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        proxy.pass(Self.grace - .milliseconds(1))
        #expect(!client.isClosed && stop.outcomes.isEmpty)
        proxy.pass(.milliseconds(1))
        #expect(client.isClosed && client.received.hasSuffix("12345"))
        #expect(stop.outcomes == [.graceIsOver(clients: 1)])
        #expect(proxy.kernel.openSockets == 0)
    }

    @Test("stopped at once, it cuts what is under way and ends once")
    func atOnce() throws {
        let (client, _) = try proxy.start()
        let stop = Stop(proxy)
        stop.shutdown?.stopAtOnce()
        #expect(client.isClosed)
        #expect(stop.outcomes == [.atOnce])
        stop.shutdown?.stopAtOnce()
        proxy.pass(Self.grace)
        #expect(stop.outcomes == [.atOnce])
        #expect(proxy.kernel.openSockets == 0)
    }
}
