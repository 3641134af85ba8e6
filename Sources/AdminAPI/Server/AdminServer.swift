package import Logging

import AdminModels
import Glibc
import NIOCore
import NIOPosix

/// Serves the admin API on its listeners, with an event loop of its own. It only asks and tells its backend. Shared.
///
///     idle ──start──▶ running ──stop──▶ stopped
package actor AdminServer {
    /// What tests turn down.
    package struct Timeouts: Sendable {
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
        var doors: [Door] = []
    }

    private struct Door {
        let listener: AdminListener
        let socket: BoundSocket
        let channel: any Channel
    }

    private let backend: any AdminBackend
    /// Where it begins to listen.
    private let listeners: [AdminListener]
    private var token: AdminToken?
    private var allowedHosts: [String]
    private let rules: AccessRules
    private let logger: Logger
    private var doorNumber = 0
    private let timeouts: Timeouts
    private let wallClock: @Sendable () -> Int64
    private let connections = AdminConnections()
    private let streams: EventStreams
    private var state = State.idle

    /// `token`: nil refuses all changes over TCP. `allowedHosts`: names beside localhost that `Host` may say.
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
        if case .running(let running) = state { running.doors.map(\.socket.address) } else { [] }
    }

    /// Returns when all listeners are bound; none is where one cannot be.
    package func start() async throws(AdminServerError) {
        guard case .idle = state else { throw AdminServerError(description: "the admin API was started before") }
        var running = Running(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        do {
            running.doors = try await open(listeners, on: running.group)
        } catch {
            await end(running)
            throw error
        }
        state = .running(running)
        applyRules(running)
    }

    /// From now on it listens there and nowhere else, but for what it inherited; where one cannot be bound, nothing changes.
    /// Connections that are open stay.
    package func update(listeners new: [AdminListener], token: AdminToken?, allowedHosts: [String])
        async throws(AdminServerError)
    {
        guard case .running(var running) = state else { return }
        var missing = new
        var kept: [Door] = []
        var gone: [Door] = []
        var adjustments: [(AdminListener, BoundSocket)] = []
        for door in running.doors {
            if let index = missing.firstIndex(where: { $0.isSamePlace(as: door.listener) }) {
                adjustments.append((missing.remove(at: index), door.socket))
                kept.append(door)
            } else if case .inherited = door.listener {
                kept.append(door)
            } else {
                gone.append(door)
            }
        }
        let inTheWay = gone.filter { door in missing.contains { $0.mayCollide(with: door.listener) } }
        gone.removeAll { door in inTheWay.contains { $0.listener == door.listener } }
        await shut(inTheWay)
        do {
            running.doors = kept + (try await open(missing, on: running.group))
        } catch {
            let again: [Door]
            do {
                again = try await open(inTheWay.map(\.listener), on: running.group)
            } catch {
                logger.error("the admin API lost a listener", metadata: ["reason": "\(error)"])
                again = []
            }
            running.doors = kept + gone + again
            if case .running = state { state = .running(running) } else { await end(running) }
            throw error
        }
        await shut(gone)
        for (listener, socket) in adjustments { listener.adjust(socket) }
        (self.token, self.allowedHosts) = (token, allowedHosts)
        guard case .running = state else { return await end(running) }
        state = .running(running)
        applyRules(running)
    }

    private func shut(_ doors: [Door]) async {
        for door in doors {
            try? await door.channel.close()
            door.socket.removeFile()
            logger.info("admin API listens no more", metadata: ["address": "\(door.socket.address)"])
        }
    }

    private func applyRules(_ running: Running) {
        rules.set(
            Authentication(
                listenHosts: running.doors.compactMap(\.socket.host), allowedHosts: allowedHosts, token: token,
                user: geteuid()))
    }

    /// All of them or none.
    private func open(_ listeners: [AdminListener], on group: MultiThreadedEventLoopGroup)
        async throws(AdminServerError) -> [Door]
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
        var doors: [Door] = []
        let responder = makeResponder()
        for (index, socket) in sockets.enumerated() {
            doorNumber += 1
            let child = AdminChannel(
                responder: responder, connections: connections, listener: doorNumber, isUnix: socket.isUnix,
                limits: timeouts.limits)
            do {
                let channel = try await listen(on: socket, child, group)
                doors.append(Door(listener: listeners[index], socket: socket, channel: channel))
            } catch {
                for rest in sockets[index...] { close(rest.descriptor) }
                for door in doors { try? await door.channel.close() }
                for socket in sockets { socket.removeFile() }
                throw AdminServerError(description: "cannot listen on \(socket.address): \(error)")
            }
        }
        for door in doors { logger.info("admin API listens", metadata: ["address": "\(door.socket.address)"]) }
        return doors
    }

    /// Takes no more, ends streams of events, lets what runs finish for a while, closes the rest.
    package func stop() async {
        guard case .running(let running) = state else { return }
        state = .stopped
        await end(running)
    }

    private func end(_ running: Running) async {
        for door in running.doors {
            try? await door.channel.close()
            door.socket.removeFile()
        }
        streams.stop()
        for channel in connections.channels {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionGuard.Event.stopping)
        }
        if await !connections.emptied(within: timeouts.grace) {
            for channel in connections.channels { channel.close(promise: nil) }
            // A backend that does not answer must not hold up the end; its task still needs the loop.
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

    /// Each connection is served from the moment that it is there. A stream of accepted ones would drop those that it
    /// still holds when the server stops, and NIO traps on an async channel that nobody ran.
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
