import CLinux
import Metrics
package import NIOCore
import NIOPosix
package import ProxyTypes
import Upstream

/// Holds accepting back while the proxy has as many clients as it may have, or no descriptors: clients wait in the kernel's
/// backlog, and nothing spins. Loop-bound; one per listening socket.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = Channel
    typealias InboundOut = Channel
    typealias OutboundIn = Channel

    private let loop: ProxyLoop
    private var context: ChannelHandlerContext?
    private var readHeld = false
    private var waitsForDescriptors = false

    private static let retryDelay = TimeAmount.milliseconds(50)

    init(loop: ProxyLoop) {
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if loop.isFull || waitsForDescriptors {
            if !readHeld { loop.upstream.metrics.acceptPauses += 1 }
            readHeld = true
        } else {
            context.read()
        }
    }

    /// A client has gone.
    func resume() {
        waitsForDescriptors = false
        guard readHeld, !loop.isFull else { return }
        readHeld = false
        context?.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else { return }
        waitsForDescriptors = true
        _ = loop.upstream.relieveDescriptorPressure()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.retryDelay) { bound.value.resume() }
    }
}

/// Opens the listening sockets of a proxy loop.
package enum ProxyListener {
    package enum Address: Sendable {
        case tcp(IPAddress, port: UInt16)
        case unix(path: String)
    }

    /// The channel listens when the future succeeds; closing it stops accepting.
    package static func bind(_ address: Address, loop: ProxyLoop) -> EventLoopFuture<any Channel> {
        let eventLoop = loop.upstream.eventLoop
        let bound = NIOLoopBound(loop, eventLoop: eventLoop)
        let high = max(loop.configuration.maxBuffer / 2, 16 * 1024)
        let isTCP = if case .tcp = address { true } else { false }
        var bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 4096)
            // One at a time, so that the limit on clients is exact.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(loop: bound.value))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: ReadSizes.client)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ClientHandler(loop: bound.value))
                }
            }
        if isTCP {
            bootstrap = bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        switch address {
        case .tcp(let ip, let port):
            guard let target = SocketAddress(ip, port: port) else {
                return eventLoop.makeFailedFuture(IOError(errnoCode: EINVAL, reason: "not an address"))
            }
            return bootstrap.bind(to: target)
        case .unix(let path):
            return bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
        }
    }
}
