import AdminModels
import NIOCore
import NIOHTTP1

/// Enforces the protocol of one admin connection below the routes: deadlines, malformed heads, framing, closing. It
/// never looks at what a request asks for. Loop-bound.
///
///     head ──▶ body ──▶ answer ──▶ idle ──▶ head
///       ╰────────┴─────────┴────────┴──▶ closing: output shut, input read and dropped until its end or the linger's
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Sent to every connection when connd stops.
    enum Event: Sendable { case stopping }

    struct BodyTooSlow: Error {}

    struct Limits: Sendable {
        var head = TimeAmount.seconds(10)
        var body = TimeAmount.seconds(30)
        var idle = TimeAmount.seconds(60)
        /// How long a client may read nothing while data is waiting for it.
        var stall = TimeAmount.seconds(15)
        var linger = TimeAmount.seconds(1)
    }

    private struct Exchange {
        let isHead: Bool
        let isHTTP10: Bool
        var closes: Bool
        var isStream = false
    }

    private let limits: Limits
    private let isUnix: Bool
    /// Over the limit of connections: its first request is answered 503.
    private let isOverLimit: Bool
    private var exchanges: [Exchange] = []
    private var isReceiving = false
    /// Input after the last request is dropped.
    private var isInputEnded = false
    private var isInputClosed = false
    private var isClosing = false
    private var isStopping = false
    /// Sent once the responses before it are.
    private var refusal: Problem?
    private var deadline: Scheduled<Void>?
    private var stall: Scheduled<Void>?

    init(limits: Limits, isUnix: Bool, isOverLimit: Bool) {
        self.limits = limits
        self.isUnix = isUnix
        self.isOverLimit = isOverLimit
    }

    func handlerAdded(context: ChannelHandlerContext) {
        arm(limits.head, context) { $0.refuse(Problem(408, "no request came within \(Self.text($0.limits.head))"), $1) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        stall?.cancel()
    }

    // MARK: From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosing || isInputEnded && !isReceiving { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if let problem = problem(of: head) { return refuse(problem, context) }
            let isHTTP10 = head.version == .http1_0
            // NIO's decoder reads no further request after a head that asks for an upgrade.
            let closes = !head.isKeepAlive || head.headers.contains(name: "upgrade") || head.method == .CONNECT
            exchanges.append(Exchange(isHead: head.method == .HEAD, isHTTP10: isHTTP10, closes: closes))
            isReceiving = true
            isInputEnded = closes
            arm(limits.body, context) { $1.fireErrorCaught(BodyTooSlow()) }
        case .body: break
        case .end:
            isReceiving = false
            if exchanges.isEmpty { becomeIdle(context) } else { deadline?.cancel() }
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, !isReceiving else { return context.fireErrorCaught(error) }
        if isClosing { return }
        let isTooLarge = error == .headerOverflow
        refuse(
            Problem(isTooLarge ? 431 : 400, isTooLarge ? "the head is too large" : "this is no HTTP: \(error)"), context
        )
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case Event.stopping? = event as? Event {
            isStopping = true
            if exchanges.isEmpty { context.close(promise: nil) }
            return
        }
        if case .inputClosed? = event as? ChannelEvent {
            isInputClosed = true
            // An event stream never ends by itself, so a half-close means that the client is gone.
            if isClosing || exchanges.first?.isStream == true { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = context.channel.isWritable ? nil : schedule(limits.stall, context) { $1.close(promise: nil) }
        context.fireChannelWritabilityChanged()
    }

    private func problem(of head: HTTPRequestHead) -> Problem? {
        if isOverLimit {
            return Problem(
                503, "there are \(AdminConnections.limit) admin connections already; try again when some have ended")
        }
        if head.version.major != 1 { return Problem(505, "this speaks HTTP/1.1") }
        let hosts = head.headers["host"]
        if hosts.count > 1 { return Problem(400, "the request has several Host fields") }
        if hosts.isEmpty || hosts[0].isEmpty && !isUnix { return Problem(400, "the request has no Host field") }
        if head.method == .CONNECT || !(head.uri.hasPrefix("/") || head.uri == "*") {
            return Problem(
                400, "this is connd's admin API, not its proxy; http_proxy must name an address of proxy.listen")
        }
        return nil
    }

    // MARK: To the client

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            guard head.status.code >= 200 else { return context.write(data, promise: promise) }
            frame(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            if exchanges.first?.isHead == true {
                promise?.succeed()
            } else {
                context.write(data, promise: promise)
            }
        case .end:
            // Closing before the last bytes are written would lose them.
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenSuccess { self.answered(context) }
            context.write(data, promise: written)
        }
    }

    /// A response without a length is chunked, or ends with the connection for HTTP/1.0.
    private func frame(_ head: inout HTTPResponseHead) {
        guard !exchanges.isEmpty else { return }
        let hasBody = ![204, 304].contains(head.status.code) && !exchanges[0].isHead
        if hasBody, !head.headers.contains(name: "content-length") {
            if exchanges[0].isHTTP10 {
                exchanges[0].closes = true
            } else {
                head.headers.replaceOrAdd(name: "transfer-encoding", value: "chunked")
            }
        }
        exchanges[0].isStream = head.headers.first(name: "content-type") == EventStreams.mediaType
        if exchanges[0].isStream, isInputClosed { exchanges[0].closes = true }
        if head.headers[canonicalForm: "connection"].contains("close") || isStopping { exchanges[0].closes = true }
        if exchanges[0].closes {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if exchanges[0].isHTTP10 {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
    }

    private func answered(_ context: ChannelHandlerContext) {
        guard !exchanges.isEmpty, !isClosing else { return }
        let exchange = exchanges.removeFirst()
        if exchange.closes || isStopping { return beginClosing(context) }
        guard exchanges.isEmpty else { return }
        if let refusal { return refuse(refusal, context) }
        if !isReceiving { becomeIdle(context) }
    }

    /// Answers instead of the routes, and closes.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        isInputEnded = true
        guard exchanges.isEmpty else {
            refusal = problem
            return
        }
        let body = problem.body
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: problem.status))
        head.headers.add(name: "content-type", value: Problem.mediaType)
        head.headers.add(name: "content-length", value: "\(body.readableBytes)")
        head.headers.add(name: "cache-control", value: "no-store")
        head.headers.add(name: "x-content-type-options", value: "nosniff")
        head.headers.add(name: "connection", value: "close")
        if problem.status == 503 { head.headers.add(name: "retry-after", value: "5") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { self.beginClosing(context) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    /// Reads on for a while: a reset because of unread bytes could destroy the end of the response.
    private func beginClosing(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        if isInputClosed { return context.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        arm(limits.linger, context) { $1.close(promise: nil) }
    }

    private func becomeIdle(_ context: ChannelHandlerContext) {
        arm(limits.idle, context) { $1.close(promise: nil) }
    }

    // MARK: Time

    private func arm(
        _ amount: TimeAmount, _ context: ChannelHandlerContext,
        _ act: @escaping (ConnectionGuard, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        deadline = schedule(amount, context, act)
    }

    private func schedule(
        _ amount: TimeAmount, _ context: ChannelHandlerContext,
        _ act: @escaping (ConnectionGuard, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: amount) { act(self, context) }
    }

    private static func text(_ amount: TimeAmount) -> String { "\(amount.nanoseconds / 1_000_000_000)s" }
}
