package import Logging

import AdminModels
import Glibc
import HummingbirdCore
import NIOCore
import NIOPosix

/// Serves the admin API on its listeners, with an event loop of its own. It only asks and tells its backend. Shared.
///
///     idle ──start──▶ running ──stop──▶ stopped
package actor AdminServer {
    /// What tests turn down.
    package struct Patience: Sendable {
        /// For those that run when the server stops.
        package var grace = Duration.seconds(2)
        /// Between two comments in a stream of events.
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
        let sockets: [BoundSocket]
        let channels: [any Channel]
    }

    private let backend: any AdminBackend
    private let listeners: [AdminListener]
    private let token: AdminToken?
    private let allowedHosts: [String]
    private let logger: Logger
    private let patience: Patience
    private let connections = AdminConnections()
    private let streams: EventStreams
    private var state = State.idle

    /// `token`: nil refuses all changes over TCP. `allowedHosts`: names beside localhost that `Host` may say.
    package init(
        backend: any AdminBackend, listeners: [AdminListener], token: AdminToken?, allowedHosts: [String] = [],
        logger: Logger, patience: Patience = Patience()
    ) {
        self.backend = backend
        self.listeners = listeners
        self.token = token
        self.allowedHosts = allowedHosts
        self.logger = logger
        self.patience = patience
        streams = EventStreams(heartbeat: patience.heartbeat)
    }

    /// As bound: `127.0.0.1:3129`, `[::1]:3129`, `unix:/run/connd/admin.sock`. In the listeners' order.
    package var addresses: [String] {
        if case .running(let running) = state { running.sockets.map(\.address) } else { [] }
    }

    /// Returns when all listeners are bound; none is where one cannot be.
    package func start() async throws(AdminServerError) {
        guard case .idle = state else { throw AdminServerError(description: "the admin API was started before") }
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
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let responder = makeResponder(sockets)
        var channels: [any Channel] = []
        for (index, socket) in sockets.enumerated() {
            let child = AdminChannel(
                responder: { [connections] request, writer, channel in
                    let response = await responder.respond(
                        to: request, from: connections.peer(of: channel), over: channel)
                    try await writer.write(response: response.head, body: response.body)
                },
                connections: connections, listener: index, isUnix: socket.isUnix, limits: patience.limits)
            do {
                channels.append(try await listen(on: socket, child, group))
            } catch {
                for rest in sockets[index...] { close(rest.descriptor) }
                await end(Running(group: group, sockets: sockets, channels: channels))
                throw AdminServerError(description: "cannot listen on \(socket.address): \(error)")
            }
        }
        state = .running(Running(group: group, sockets: sockets, channels: channels))
        for socket in sockets { logger.info("admin API listens", metadata: ["address": "\(socket.address)"]) }
    }

    /// Takes no more, ends streams of events, lets what runs finish for a while, closes the rest.
    package func stop() async {
        guard case .running(let running) = state else { return }
        state = .stopped
        await end(running)
    }

    private func end(_ running: Running) async {
        for channel in running.channels { try? await channel.close() }
        for socket in running.sockets { socket.removeFile() }
        streams.stop()
        for channel in connections.channels {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionGuard.Event.stopping)
        }
        if await !connections.emptied(within: patience.grace) {
            for channel in connections.channels { channel.close(promise: nil) }
            // A backend that does not answer must not hold up the end; its task still needs the loop.
            guard await connections.emptied(within: patience.grace / 4) else { return }
        }
        try? await running.group.shutdownGracefully()
    }

    private func makeResponder(_ sockets: [BoundSocket]) -> AdminResponder {
        AdminResponder(
            backend: backend, routes: .standard(backend.definitions, version: backend.version().version),
            authentication: Authentication(
                listenHosts: sockets.compactMap(\.host), allowedHosts: allowedHosts, token: token, user: geteuid()),
            streams: streams, logger: logger,
            now: {
                var time = timespec()
                clock_gettime(CLOCK_REALTIME, &time)
                return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
            })
    }

    /// Each connection is served from the moment that it is there. A stream of accepted ones would drop those that it
    /// still holds when the server stops, and NIO traps on an async channel that nobody ran.
    private func listen(on socket: BoundSocket, _ child: AdminChannel, _ group: MultiThreadedEventLoopGroup)
        async throws -> any Channel
    {
        try await ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 128)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [connections, logger] channel in
                child.setup(channel: channel, logger: logger).map { value in
                    connections.serve { await child.handle(value: value, logger: logger) }
                }
            }
            .withBoundSocket(socket.descriptor).get()
    }
}
