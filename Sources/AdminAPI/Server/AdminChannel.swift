import Logging
import NIOCore
import NIOHTTP1

/// Sets up an admin connection and answers its requests, one after the other. Value.
struct AdminChannel: Sendable {
    typealias Stream = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    /// Every operation of the API fits in far less.
    static let largestHead = 64 << 10

    let responder: AdminResponder
    let connections: AdminConnections
    let listener: Int
    let isUnix: Bool
    let limits: ConnectionGuard.Limits

    func setup(_ channel: any Channel) -> EventLoopFuture<Stream> {
        let count = connections.register(channel, listener: listener, peer: isUnix ? .user(nil) : .network)
        // Up to twice the limit are accepted, so that those beyond the limit can be told why they are refused.
        guard count <= 2 * AdminConnections.limit else { return channel.eventLoop.makeFailedFuture(ChannelError.eof) }
        let isOverLimit = count > AdminConnections.limit
        return identify(channel).flatMapThrowing {
            let pipeline = channel.pipeline.syncOperations
            var decoding = NIOHTTPDecoderLimitConfiguration()
            decoding.maxHeaderFieldSize = Self.largestHead
            decoding.maxHeaderListSize = Self.largestHead
            decoding.maxHeaderFieldCount = 128
            // The guard frames responses: only it knows which are to HEAD and which to HTTP/1.0.
            var encoding = HTTPResponseEncoder.Configuration()
            encoding.automaticallySetFramingHeaders = false
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
                withEncoderConfiguration: encoding, withDecoderLimitConfiguration: decoding)
            try pipeline.addHandler(ConnectionGuard(limits: limits, isUnix: isUnix, isOverLimit: isOverLimit))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    /// Until the client or the guard closes the connection.
    func serve(_ stream: Stream, logger: Logger) async {
        do {
            try await stream.executeThenClose { inbound, outbound in
                var requests = RequestReader(parts: inbound.makeAsyncIterator())
                while let head = try await requests.nextHead() {
                    let response = await responder.respond(
                        to: head, &requests, from: connections.peer(of: stream.channel), over: stream.channel)
                    try await write(response, to: outbound)
                    if head.headers.combined("Connection") == "close" { break }
                    while try await requests.nextBodyPart() != nil {}
                }
                // The guard closes the connection once the last response is out.
                outbound.finish()
                try await stream.channel.closeFuture.get()
            }
        } catch {
            logger.trace("an admin connection ended early", metadata: ["error": "\(error)"])
        }
    }

    private func write(
        _ response: AdminResponse, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        switch response.body {
        case .none: try await outbound.write(contentsOf: [.head(response.head), .end(nil)])
        case .whole(let buffer):
            try await outbound.write(contentsOf: [.head(response.head), .body(.byteBuffer(buffer)), .end(nil)])
        case .parts(_, let produce):
            try await outbound.write(.head(response.head))
            try await produce { try await outbound.write(.body(.byteBuffer($0))) }
            try await outbound.write(.end(nil))
        }
    }

    /// `struct ucred`, which Glibc shows only with _GNU_SOURCE.
    private struct Credentials {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    private func identify(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard isUnix, let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        let peerCredentials = NIOBSDSocket.Option(rawValue: 17)
        let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(
            level: .socket, name: peerCredentials)
        return credentials.map { connections.identify(channel, as: .user($0.user)) }
    }
}
