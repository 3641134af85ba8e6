import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("A client's connection")
struct ClientHandlerTests {
    private let proxy = ScriptedProxy()

    // MARK: Ends of input

    @Test("a FIN right behind a request: it is answered, and the connection ends without a RST")
    func finBehindRequest() throws {
        let client = try proxy.connect()
        client.send(ScriptedProxy.get())
        proxy.end(client)
        proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.received.hasSuffix("ok"))
        #expect(client.isClosed && client.ending == .fin)
        #expect(proxy.closed(.afterResponse) == 1)
        proxy.expectNoClients()
    }

    @Test("a FIN between two writes of an answer: the client still gets the rest")
    func finBetweenWrites() throws {
        let (client, origin) = try proxy.start()
        client.takeOnly(10)
        proxy.send(origin, ScriptedProxy.ok)
        #expect(client.received.utf8.count == 10)
        // The answer is whole here and the exchange has ended, but most of it waits to be taken.
        proxy.end(client)
        #expect(!client.isClosed)
        client.takeAll()
        proxy.rest()
        #expect(client.received.hasSuffix("\r\n\r\nok"))
        #expect(client.isClosed && client.ending == .fin)
        proxy.expectNoClients()
    }

    @Test("requests that were read before the FIN are answered, also where answers have yet to be taken first")
    func finBehindPipelined() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.get("/1"))
        client.takeOnly(10)
        proxy.send(origin, ScriptedProxy.ok)
        client.send(ScriptedProxy.get("/2"))
        proxy.end(client)
        client.takeAll()
        proxy.rest()
        #expect(origin.take().contains("GET /2"))
        proxy.send(origin, ScriptedProxy.ok)
        #expect(client.received.components(of: "HTTP/1.1 200 OK") == 2)
        #expect(client.isClosed && client.ending == .fin)
        proxy.expectNoClients()
    }

    @Test("a FIN in the middle of a request's body: what the origin has of it does not look whole")
    func finInBody() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 10) + "12345")
        proxy.end(client)
        #expect(origin.isClosed)
        #expect(client.isClosed)
        #expect(proxy.closed(.requestCut) == 1)
        proxy.expectNoClients()
    }

    @Test("a reset ends what the client had asked for")
    func reset() throws {
        let (client, origin) = try proxy.start()
        proxy.reset(client)
        #expect(proxy.closed(.clientReset) == 1)
        #expect(proxy.upstream.metrics.exchangesAborted == 1)
        #expect(origin.isClosed)
        proxy.expectNoClients()
    }

    // MARK: Back-pressure

    @Test("a slow reader pauses its origin, and is read for again once it takes something")
    func slowReader() throws {
        let (client, origin) = try proxy.start()
        client.takeOnly(0)
        proxy.send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        proxy.send(origin, "1234567890")
        #expect(origin.unread.count == 10)
        client.takeAll()
        proxy.rest()
        #expect(origin.unread.isEmpty)
        #expect(client.received.hasSuffix("\r\n\r\n12345678901234567890"))
    }

    @Test("a client that takes nothing of its answer is given up, with a RST, and its origin with it")
    func stuckReader() throws {
        let (client, origin) = try proxy.start()
        client.takeOnly(0)
        proxy.send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        proxy.pass(proxy.loop.configuration.clientIdleTimeout)
        #expect(client.isClosed && client.ending == .reset)
        #expect(proxy.closed(.writeFailed) == 1)
        #expect(origin.isClosed)
        proxy.expectNoClients()
    }

    // MARK: Bodies

    @Test("a response before the request's body was read: the client gets it, is read for a while, and is closed")
    func earlyResponse() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 100) + "12345")
        proxy.send(origin, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        #expect(client.received.contains("Connection: close\r\n"))
        #expect(client.received.hasSuffix("no"))
        #expect(client.ending == .fin && !client.isClosed)
        proxy.send(client, "the rest of the body")
        #expect(client.unread.isEmpty && !client.isClosed)
        proxy.end(client)
        #expect(client.isClosed && client.ending == .fin)
        proxy.expectNoClients()
    }

    @Test("a body that stalls behind an earlier request: both are answered, in turn")
    func stalledBody() throws {
        var configuration = ProxyConfiguration()
        configuration.clientBodyTimeout = .seconds(5)
        let proxy = ScriptedProxy(configuration)
        let (client, origin) = try proxy.start(
            ScriptedProxy.get("/first") + ScriptedProxy.post("/second", length: 10) + "123")
        proxy.pass(proxy.loop.configuration.clientBodyTimeout)
        #expect(client.received.isEmpty)
        proxy.send(origin, ScriptedProxy.ok)
        let answers = client.take()
        #expect(answers.hasPrefix("HTTP/1.1 200 OK"))
        #expect(answers.contains("okHTTP/1.1 408 "))
        #expect(proxy.kernel.outgoing.count == 1)
        #expect(proxy.closed(.requestCut) == 1)
    }

    @Test("Expect: 100-continue: the body is read when the origin says so, or after a while")
    func expectation() throws {
        for isTold in [true, false] {
            let proxy = ScriptedProxy()
            let (client, origin) = try proxy.start(ScriptedProxy.post(length: 4, "Expect: 100-continue\r\n"))
            proxy.send(client, "body")
            #expect(!origin.received.contains("body"))
            if isTold {
                proxy.send(origin, "HTTP/1.1 100 Continue\r\n\r\n")
                #expect(client.take() == "HTTP/1.1 100 Continue\r\nVia: 1.1 connd-test\r\n\r\n")
            } else {
                proxy.pass(EffectiveSettings().expectContinueTimeout)
                #expect(client.take().isEmpty)
            }
            #expect(origin.received.hasSuffix("body"))
            proxy.send(origin, ScriptedProxy.ok)
            #expect(client.received.hasSuffix("ok") && !client.isClosed)
        }
    }

    @Test("a chunked body that turns out malformed is refused, and its origin does not see a whole request")
    func malformedBody() throws {
        let head = "POST http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n"
        for (fields, rest, detail) in [
            ("", "zz\r\n", "chunk"), ("Connection: X-Hop\r\n", "0\r\nX-Hop: 1\r\n\r\n", "trailer"),
        ] {
            let proxy = ScriptedProxy()
            let client = try proxy.connect()
            client.send(head + fields + "\r\n5\r\nhello\r\n")
            proxy.rest()
            client.send(rest)
            proxy.rest()
            let origin = try #require(proxy.kernel.outgoing.first)
            #expect(origin.received.hasSuffix("5\r\nhello\r\n") && origin.isClosed)
            #expect(
                client.received.hasPrefix("HTTP/1.1 400 ") && client.received.contains(detail), "\(client.received)")
            #expect(client.ending == .fin && proxy.closed(.badRequest) == 1)
        }
    }

    // MARK: Time-outs

    @Test("a head must be complete in time, however its bytes trickle in")
    func slowHead() throws {
        let client = try proxy.connect()
        let timeout = proxy.loop.configuration.clientHeadTimeout
        proxy.pass(Interval(nanoseconds: timeout.nanoseconds / 2))
        proxy.send(client, "GET http://192.0.2.1/ ")
        proxy.pass(Interval(nanoseconds: timeout.nanoseconds / 2))
        #expect(client.received.hasPrefix("HTTP/1.1 408 "))
        #expect(proxy.closed(.headTimeout) == 1)
    }

    @Test("an idle client is closed in time, and a request that begins puts that off")
    func idle() throws {
        let (client, origin) = try proxy.start()
        proxy.send(origin, ScriptedProxy.ok)
        let timeout = proxy.loop.configuration.clientIdleTimeout
        proxy.pass(timeout - .milliseconds(1))
        #expect(!client.isClosed && client.ending == .none)
        proxy.send(client, "GET http://192.0.2.1/ ")
        proxy.pass(.milliseconds(1))
        #expect(client.ending == .none)
        proxy.pass(proxy.loop.configuration.clientHeadTimeout)
        #expect(client.received.contains("HTTP/1.1 408 "))
        #expect(proxy.closed(.headTimeout) == 1 && proxy.closed(.idleTimeout) == 0)
    }

    // MARK: Stop

    @Test("drained, a silent client is closed after a moment, in which its request is still answered")
    func drainSilent() throws {
        let (silent, late) = (try proxy.connect(), try proxy.connect())
        proxy.rest()
        proxy.loop.drain()
        proxy.send(late, ScriptedProxy.get())
        let origin = try #require(proxy.kernel.outgoing.first)
        proxy.pass(ClientHandler.leaveTime)
        #expect(silent.ending == .fin && silent.received.isEmpty)
        proxy.send(origin, ScriptedProxy.ok)
        #expect(late.received.contains("Connection: close\r\n") && late.received.hasSuffix("ok"))
        #expect(proxy.closed(.shutdown) == 2)
    }

    @Test("drained while a retry waits for its connection: the request is still answered, as the last")
    func drainWhileRetryWaits() throws {
        let (client, first) = try proxy.start(ScriptedProxy.get("/1"))
        proxy.send(first, ScriptedProxy.ok)
        proxy.pass(.seconds(1))
        _ = client.take()
        proxy.kernel.opensAtOnce = false
        proxy.send(client, ScriptedProxy.get("/2"))
        proxy.end(first)
        let second = try #require(proxy.kernel.outgoing.last)
        #expect(second !== first && second.received.isEmpty)
        proxy.loop.drain()
        proxy.rest()
        second.accept()
        proxy.rest()
        #expect(second.received.contains("GET /2"))
        proxy.send(second, ScriptedProxy.ok)
        #expect(client.received.contains("Connection: close\r\n") && client.received.hasSuffix("ok"))
        #expect(proxy.upstream.metrics.retryOutcomes[.succeeded] == 1)
        #expect(proxy.closed(.shutdown) == 1)
    }

    @Test("near the end of a stop, a request that still waits for a connection is told so")
    func refuseWaiting() throws {
        proxy.kernel.opensAtOnce = false
        let client = try proxy.connect()
        proxy.send(client, ScriptedProxy.get())
        proxy.loop.drain()
        let now = proxy.kernel.now
        _ = proxy.loop.continueDrain(now: now, ShutdownSchedule(grace: .zero, now: now))
        #expect(client.received.hasPrefix("HTTP/1.1 503 ") && client.received.contains("Connection: close\r\n"))
        #expect(proxy.closed(.shutdown) == 1)
        #expect(proxy.upstream.allPools.allSatisfy { $0.counts.waiting == 0 })
    }

    // MARK: Cuts and tunnels

    @Test("a response that is cut in the middle never looks whole, and is counted once")
    func cut() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.get("/1") + ScriptedProxy.get("/2"))
        proxy.send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        proxy.end(origin)
        #expect(client.received.hasSuffix("1234567890"))
        #expect(client.ending == .fin)
        #expect(proxy.closed(.responseCut) == 1)
        #expect(proxy.upstream.metrics.responsesCut == 1)
    }

    @Test("a cut response that ends with the connection ends with a RST")
    func cutUntilClose() throws {
        let (client, origin) = try proxy.start()
        proxy.send(origin, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n1234567890")
        proxy.reset(origin)
        #expect(client.isClosed && client.ending == .reset)
        #expect(proxy.closed(.responseCut) == 1)
        proxy.expectNoClients()
    }

    @Test("in a tunnel each side's end is passed on as an end, and the other side goes on")
    func tunnelHalfClose() throws {
        let (client, origin) = try proxy.start("CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\nhello")
        #expect(client.take() == "HTTP/1.1 200 Connection established\r\n\r\n")
        #expect(origin.take() == "hello")
        proxy.end(client)
        #expect(origin.ending == .fin && !origin.isClosed)
        proxy.send(origin, "bye")
        #expect(client.take() == "bye" && client.ending == .none)
        proxy.end(origin)
        #expect(client.isClosed && client.ending == .fin)
        #expect(proxy.closed(.tunnelEnded) == 1)
        proxy.expectNoClients()
        #expect(proxy.kernel.openSockets == 0)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
