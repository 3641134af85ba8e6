import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The handlers of an admin connection and Hummingbird's loop over its requests. Value.
struct AdminChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// Every operation of the API fits in far less.
    static let largestHead = 64 << 10

    let responder: Responder
    let connections: AdminConnections
    let listener: Int
    let isUnix: Bool
    let limits: ConnectionGuard.Limits

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let count = connections.register(channel, listener: listener, peer: isUnix ? .user(nil) : .network)
        // Twice the limit at most are there at all: half of them to be told so.
        guard count <= 2 * AdminConnections.limit else { return channel.eventLoop.makeFailedFuture(ChannelError.eof) }
        let isOverLimit = count > AdminConnections.limit
        return identify(channel).flatMapThrowing {
            let pipeline = channel.pipeline.syncOperations
            var decoding = NIOHTTPDecoderLimitConfiguration()
            decoding.maxHeaderFieldSize = Self.largestHead
            decoding.maxHeaderListSize = Self.largestHead
            decoding.maxHeaderFieldCount = 128
            // The guard frames answers: only it knows which are to HEAD and which to HTTP/1.0.
            var encoding = HTTPResponseEncoder.Configuration()
            encoding.automaticallySetFramingHeaders = false
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
                withEncoderConfiguration: encoding, withDecoderLimitConfiguration: decoding)
            try pipeline.addHandler(ConnectionGuard(limits: limits, isUnix: isUnix, isOverLimit: isOverLimit))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
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
