import AdminModels
import NIOCore
import NIOHTTP1
import ProxyTypes

/// Enforces the protocol of one admin connection below the routes: deadlines, malformed heads, framing, closing. It
/// never looks at what a request asks for. Loop-bound.
///
///     serving ──▶ refusing ──▶ refused ──▶ closing
///        │ ╰──────────────────────╯           ▲
///        ╰── the last response is out ────────╯
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

    private enum State {
        case serving(Input)
        /// Sent once the responses before it are. Input is dropped from here on.
        case refusing(Problem)
        /// The refusal is on its way out.
        case refused
        /// Output is shut, and input is read and dropped until it ends or `linger` is over.
        case closing
    }

    private enum Input {
        /// None of a request, or a part of its head.
        case head
        /// `isLast`: what comes after it is dropped.
        case body(isLast: Bool)
        /// The last request has been read; what comes now is dropped.
        case ended
        /// The client has shut its output.
        case closed
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
    private var state = State.serving(.head)
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
        switch (state, unwrapInboundIn(data)) {
        case (.serving(.head), .head(let head)):
            if let problem = problem(of: head) { return refuse(problem, context) }
            requestBegan(head, context)
        case (.serving(.body), .body): break
        case (.serving(.body(let isLast)), .end):
            state = .serving(isLast ? .ended : .head)
            if exchanges.isEmpty { becomeIdle(context) } else { deadline?.cancel() }
        case (.serving(.ended), _), (.serving(.closed), _), (.refusing, _), (.refused, _), (.closing, _): return
        case (.serving(.head), .body), (.serving(.head), .end), (.serving(.body), .head):
            Invariant.broken("NIO's decoder gives the parts of a request in another order")
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
    }

    private func requestBegan(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // NIO's decoder reads no further request after a head that asks for an upgrade.
        let closes = !head.isKeepAlive || head.headers.contains(name: "upgrade") || head.method == .CONNECT
        exchanges.append(Exchange(isHead: head.method == .HEAD, isHTTP10: head.version == .http1_0, closes: closes))
        state = .serving(.body(isLast: closes))
        arm(limits.body, context) { $1.fireErrorCaught(BodyTooSlow()) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let parserError = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        switch state {
        // The request's own response will say so.
        case .serving(.body): context.fireErrorCaught(error)
        case .serving(.head):
            let isTooLarge = parserError == .headerOverflow
            let text = isTooLarge ? "the head is too large" : "this is no HTTP: \(parserError)"
            refuse(Problem(isTooLarge ? 431 : 400, text), context)
        // What is dropped may be anything.
        case .serving(.ended), .serving(.closed), .refusing, .refused, .closing: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case Event.stopping? = event as? Event { return stop(context) }
        if case .inputClosed? = event as? ChannelEvent { inputClosed(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func stop(_ context: ChannelHandlerContext) {
        if exchanges.isEmpty { return context.close(promise: nil) }
        exchanges[0].closes = true
    }

    private func inputClosed(_ context: ChannelHandlerContext) {
        switch state {
        case .serving: state = .serving(.closed)
        // The end of output, which follows, closes the connection.
        case .refusing, .refused: break
        case .closing: return context.close(promise: nil)
        }
        // An event stream never ends by itself, so a half-close means that the client is gone.
        if exchanges.first?.isStream == true { context.close(promise: nil) }
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

    /// The routes have written their last response. Where the client has shut its output, NIO would close the connection here
    /// and drop what is not sent yet.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output, isSending { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
    }

    /// Output is shut once it is sent.
    private var isSending: Bool {
        switch state {
        case .serving: !exchanges.isEmpty
        case .refusing, .refused: true
        case .closing: false
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
        if exchanges[0].isStream, case .serving(.closed) = state { exchanges[0].closes = true }
        if head.headers[canonicalForm: "connection"].contains("close") { exchanges[0].closes = true }
        if exchanges[0].closes {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if exchanges[0].isHTTP10 {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
    }

    private func answered(_ context: ChannelHandlerContext) {
        guard !exchanges.isEmpty else { return }
        if exchanges.removeFirst().closes { return beginClosing(context) }
        guard exchanges.isEmpty else { return }
        switch state {
        case .serving(.head): becomeIdle(context)
        // The rest of the request comes after its response.
        case .serving(.body): break
        case .serving(.ended), .serving(.closed): beginClosing(context)
        case .refusing(let problem): sendRefusal(problem, context)
        // Nothing is left to answer.
        case .refused, .closing: break
        }
    }

    /// Answers instead of the routes, and closes.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        if exchanges.isEmpty { sendRefusal(problem, context) } else { state = .refusing(problem) }
    }

    private func sendRefusal(_ problem: Problem, _ context: ChannelHandlerContext) {
        state = .refused
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
        state = .closing
        // Those behind the last response are not answered.
        exchanges = []
        // Closes the connection where the client has shut its output.
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
