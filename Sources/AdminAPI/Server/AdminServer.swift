package import Logging

import AdminModels
import Glibc
import NIOCore
import NIOPosix

/// Serves the admin API on its listeners, on an event loop of its own. Every answer and every change is the backend's.
/// Shared.
///
///     idle ──start──▶ running ──stop──▶ stopped
package actor AdminServer {
    /// Shortened in tests.
    package struct Timeouts: Sendable {
        /// For requests that are running when the server stops.
        package var grace = Duration.seconds(2)
        /// Between two comments in an event stream.
        package var heartbeat = Duration.seconds(15)
        package var head = Duration.seconds(10)
        package var body = Duration.seconds(30)
        package var idle = Duration.seconds(60)
        package var stall = Duration.seconds(15)

        package init() {}

        fileprivate var limits: ConnectionGuard.Limits {
            func amount(_ duration: Duration) -> TimeAmount {
                .nanoseconds(
                    duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
            }
            return .init(head: amount(head), body: amount(body), idle: amount(idle), stall: amount(stall))
        }
    }

    private enum State {
        case idle
        case running(Running)
        case stopped
    }

    private struct Running {
        let group: MultiThreadedEventLoopGroup
        var bound: [BoundListener] = []
    }

    private struct BoundListener {
        let configuration: AdminListener
        let socket: BoundSocket
        let channel: any Channel
    }

    private let backend: any AdminBackend
    /// The listeners that `start` opens.
    private let listeners: [AdminListener]
    private var token: AdminToken?
    private var allowedHosts: [String]
    private let rules: AccessRules
    private let logger: Logger
    private var listenerNumber = 0
    private let timeouts: Timeouts
    private let wallClock: @Sendable () -> Int64
    private let connections = AdminConnections()
    private let streams: EventStreams
    private var state = State.idle

    /// `token`: nil refuses all changes over TCP. `allowedHosts`: host names accepted in `Host` besides localhost.
    /// `wallClock`: milliseconds since 1970, UTC.
    package init(
        backend: any AdminBackend, listeners: [AdminListener], token: AdminToken?, allowedHosts: [String] = [],
        logger: Logger, timeouts: Timeouts = Timeouts(), wallClock: @escaping @Sendable () -> Int64
    ) {
        self.backend = backend
        self.listeners = listeners
        self.token = token
        self.allowedHosts = allowedHosts
        rules = AccessRules(
            Authentication(listenHosts: [], allowedHosts: allowedHosts, token: token, user: geteuid()))
        self.logger = logger
        self.timeouts = timeouts
        self.wallClock = wallClock
        streams = EventStreams(heartbeat: timeouts.heartbeat)
    }

    /// As bound: `127.0.0.1:3129`, `[::1]:3129`, `unix:/run/connd/admin.sock`. In the listeners' order.
    package var addresses: [String] {
        if case .running(let running) = state { running.bound.map(\.socket.address) } else { [] }
    }

    /// Returns once all listeners are bound. If one cannot be bound, none is.
    package func start() async throws(AdminServerError) {
        guard case .idle = state else { throw AdminServerError(description: "the admin API was started before") }
        var running = Running(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        do {
            running.bound = try await open(listeners, on: running.group)
        } catch {
            await end(running)
            throw error
        }
        state = .running(running)
        applyRules(running)
    }

    /// Listens on exactly these and the inherited listeners. If one cannot be bound, nothing changes. Open connections
    /// stay open.
    package func update(listeners new: [AdminListener], token: AdminToken?, allowedHosts: [String])
        async throws(AdminServerError)
    {
        guard case .running(var running) = state else { return }
        var missing = new
        var kept: [BoundListener] = []
        var removed: [BoundListener] = []
        var adjustments: [(AdminListener, BoundSocket)] = []
        for listener in running.bound {
            if let index = missing.firstIndex(where: { $0.isSameAddress(as: listener.configuration) }) {
                adjustments.append((missing.remove(at: index), listener.socket))
                kept.append(listener)
            } else if case .inherited = listener.configuration {
                kept.append(listener)
            } else {
                removed.append(listener)
            }
        }
        let conflicting = removed.filter { listener in missing.contains { $0.mayCollide(with: listener.configuration) }
        }
        removed.removeAll { listener in conflicting.contains { $0.configuration == listener.configuration } }
        await shut(conflicting)
        do {
            running.bound = kept + (try await open(missing, on: running.group))
        } catch {
            let reopened: [BoundListener]
            do {
                reopened = try await open(conflicting.map(\.configuration), on: running.group)
            } catch {
                logger.error("the admin API lost a listener", metadata: ["reason": "\(error)"])
                reopened = []
            }
            running.bound = kept + removed + reopened
            if case .running = state { state = .running(running) } else { await end(running) }
            throw error
        }
        await shut(removed)
        for (listener, socket) in adjustments { listener.adjust(socket) }
        (self.token, self.allowedHosts) = (token, allowedHosts)
        guard case .running = state else { return await end(running) }
        state = .running(running)
        applyRules(running)
    }

    private func shut(_ bound: [BoundListener]) async {
        for listener in bound {
            try? await listener.channel.close()
            listener.socket.removeFile()
            logger.info("admin API no longer listens", metadata: ["address": "\(listener.socket.address)"])
        }
    }

    private func applyRules(_ running: Running) {
        rules.set(
            Authentication(
                listenHosts: running.bound.compactMap(\.socket.host), allowedHosts: allowedHosts, token: token,
                user: geteuid()))
    }

    /// Binds all of them or none.
    private func open(_ listeners: [AdminListener], on group: MultiThreadedEventLoopGroup)
        async throws(AdminServerError) -> [BoundListener]
    {
        var sockets: [BoundSocket] = []
        do {
            for listener in listeners { sockets.append(try BoundSocket.bind(listener)) }
        } catch {
            for socket in sockets {
                close(socket.descriptor)
                socket.removeFile()
            }
            throw error
        }
        var bound: [BoundListener] = []
        let responder = makeResponder()
        for (index, socket) in sockets.enumerated() {
            listenerNumber += 1
            let child = AdminChannel(
                responder: responder, connections: connections, listener: listenerNumber, isUnix: socket.isUnix,
                limits: timeouts.limits)
            do {
                let channel = try await listen(on: socket, child, group)
                bound.append(BoundListener(configuration: listeners[index], socket: socket, channel: channel))
            } catch {
                for rest in sockets[index...] { close(rest.descriptor) }
                for listener in bound { try? await listener.channel.close() }
                for socket in sockets { socket.removeFile() }
                throw AdminServerError(description: "cannot listen on \(socket.address): \(error)")
            }
        }
        for listener in bound { logger.info("admin API listens", metadata: ["address": "\(listener.socket.address)"]) }
        return bound
    }

    /// Stops accepting, ends event streams, gives running requests a grace period, then closes every connection.
    package func stop() async {
        guard case .running(let running) = state else { return }
        state = .stopped
        await end(running)
    }

    private func end(_ running: Running) async {
        for listener in running.bound {
            try? await listener.channel.close()
            listener.socket.removeFile()
        }
        streams.stop()
        for channel in connections.channels {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionGuard.Event.stopping)
        }
        if await !connections.emptied(within: timeouts.grace) {
            for channel in connections.channels { channel.close(promise: nil) }
            // A backend that hangs must not delay the shutdown, and its task still needs the event loop.
            guard await connections.emptied(within: timeouts.grace / 4) else { return }
        }
        try? await running.group.shutdownGracefully()
    }

    private func makeResponder() -> AdminResponder {
        AdminResponder(
            backend: backend, routes: .standard(backend.definitions, version: backend.version().version),
            rules: rules, streams: streams, logger: logger,
            now: wallClock)
    }

    /// Serves each connection as soon as it is accepted. An async sequence of accepted channels would drop the ones
    /// still queued when the server stops, and NIO traps when an async channel is never executed.
    private func listen(on socket: BoundSocket, _ child: AdminChannel, _ group: MultiThreadedEventLoopGroup)
        async throws -> any Channel
    {
        try await ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 128)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [connections, logger] channel in
                child.setup(channel).map { stream in connections.serve { await child.serve(stream, logger: logger) } }
            }
            .withBoundSocket(socket.descriptor).get()
    }
}
