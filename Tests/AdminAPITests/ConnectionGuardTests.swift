import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import AdminAPI

@Suite("The guard of an admin connection")
struct ConnectionGuardTests {
    /// One guard in a channel without a socket: the test is its decoder, its routes and its client.
    private final class Connection {
        let channel = EmbeddedChannel()
        private let closes = Closes()

        init() throws {
            try channel.pipeline.syncOperations.addHandlers([
                closes, ConnectionGuard(limits: .init(), isUnix: false, isOverLimit: false),
            ])
            channel.pipeline.fireChannelActive()
        }

        deinit {
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }

        /// A request that the decoder has read; without its end where it is not `whole`.
        func send(close: Bool = false, whole: Bool = true) throws {
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["host": "localhost"])
            if close { head.headers.add(name: "connection", value: "close") }
            try channel.writeInbound(HTTPServerRequestPart.head(head))
            if whole { try sendEnd() }
        }

        func sendEnd() throws { try channel.writeInbound(HTTPServerRequestPart.end(nil)) }

        func sendGarbage() { channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod) }

        func shutOutput() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

        func endRoutes() { channel.close(mode: .output, promise: nil) }

        func stop() { channel.pipeline.fireUserInboundEventTriggered(ConnectionGuard.Event.stopping) }

        /// Begins the response of the routes; `end` completes it.
        func respond(_ fields: HTTPHeaders = ["content-length": "0"]) throws {
            try channel.writeOutbound(
                HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)))
        }

        func end() throws { try channel.writeOutbound(HTTPServerResponsePart.end(nil)) }

        /// The heads of the responses that went out since the last call.
        func heads() throws -> [HTTPResponseHead] {
            var heads: [HTTPResponseHead] = []
            while let part = try channel.readOutbound(as: HTTPServerResponsePart.self) {
                if case .head(let head) = part { heads.append(head) }
            }
            return heads
        }

        /// How many requests the routes were given since the last call.
        func requests() throws -> Int {
            var count = 0
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                if case .head = part { count += 1 }
            }
            return count
        }

        var isHalfClosed: Bool { closes.modes == [.output] }
        var isClosed: Bool { closes.modes.contains(.all) }
    }

    /// Records closes; an embedded channel has no output to close on its own.
    private final class Closes: ChannelOutboundHandler {
        typealias OutboundIn = HTTPServerResponsePart
        private(set) var modes: [CloseMode] = []

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            modes.append(mode)
            if mode == .all { context.close(mode: mode, promise: promise) } else { promise?.succeed() }
        }
    }

    @Test("at a stop the response under way is the last one and says so, and an idle connection is closed")
    func stop() throws {
        let busy = try Connection()
        try busy.send()
        busy.stop()
        #expect(!busy.isClosed)
        try busy.respond()
        try busy.end()
        #expect(try busy.heads().map { $0.headers["connection"] } == [["close"]])
        #expect(busy.isHalfClosed)
        let idle = try Connection()
        try idle.send()
        try idle.respond()
        try idle.end()
        #expect(!idle.isHalfClosed)
        idle.stop()
        #expect(idle.isClosed)
    }

    @Test("the end of the routes does not shut the output before the last response is sent")
    func endOfRoutes() throws {
        let connection = try Connection()
        try connection.send()
        connection.shutOutput()
        try connection.respond()
        connection.endRoutes()
        #expect(!connection.isHalfClosed && !connection.isClosed)
        try connection.end()
        #expect(connection.isHalfClosed)
        let idle = try Connection()
        idle.shutOutput()
        idle.endRoutes()
        #expect(idle.isHalfClosed)
    }

    @Test("a refusal waits for the responses before it, is sent once, and nothing behind it reaches the routes")
    func refusal() throws {
        let connection = try Connection()
        try connection.send()
        connection.sendGarbage()
        connection.sendGarbage()
        try connection.send()
        #expect(try connection.requests() == 1 && connection.heads().isEmpty)
        try connection.respond()
        try connection.end()
        #expect(try connection.heads().map(\.status.code) == [200, 400])
        #expect(connection.isHalfClosed)
        connection.sendGarbage()
        #expect(try connection.heads().isEmpty && !connection.isClosed)
    }

    @Test("what comes behind the last request is dropped, whatever it is")
    func lastRequest() throws {
        let connection = try Connection()
        try connection.send(close: true)
        try connection.send()
        connection.sendGarbage()
        #expect(try connection.requests() == 1)
        try connection.respond()
        try connection.end()
        #expect(try connection.heads().map(\.status.code) == [200])
        #expect(connection.isHalfClosed)
    }

    @Test("a request that was answered early is read to its end before the next")
    func earlyResponse() throws {
        let connection = try Connection()
        try connection.send(whole: false)
        try connection.respond()
        try connection.end()
        try connection.sendEnd()
        try connection.send()
        #expect(try connection.requests() == 2 && !connection.isHalfClosed && !connection.isClosed)
    }

    @Test("a client that has shut its output is answered, and then the connection ends")
    func inputClosed() throws {
        let connection = try Connection()
        try connection.send()
        connection.shutOutput()
        #expect(!connection.isClosed)
        try connection.respond()
        try connection.end()
        #expect(try connection.heads().map(\.status.code) == [200])
        #expect(connection.isHalfClosed)
    }

    @Test("a stream ends when its client shuts its output, before or behind the head of the response")
    func stream() throws {
        let fields: HTTPHeaders = ["content-type": EventStreams.mediaType]
        let running = try Connection()
        try running.send()
        try running.respond(fields)
        running.shutOutput()
        #expect(running.isClosed)
        let late = try Connection()
        try late.send()
        late.shutOutput()
        try late.respond(fields)
        #expect(try late.heads().map { $0.headers["connection"] } == [["close"]])
    }

    @Test("a closing connection drops input until the client's end, or until the linger is over")
    func closing() throws {
        for endsByClient in [true, false] {
            let connection = try Connection()
            try connection.send(close: true)
            try connection.respond()
            try connection.end()
            try connection.send()
            #expect(try connection.requests() == 1 && connection.isHalfClosed)
            if endsByClient {
                connection.shutOutput()
            } else {
                connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            }
            #expect(connection.isClosed)
        }
    }
}
