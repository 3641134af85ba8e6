import NIOCore
import NIOEmbedded
import NIOHTTP1

/// NIOHTTP1's decoders (llhttp) as the second opinion: what the first message of some bytes is to them. Test code only.
enum PeerParser {
    struct Message: Equatable {
        var method = ""
        var status = 0
        var body: [UInt8] = []
        /// The end part arrived.
        var complete = false
        /// A head arrived, then a fault.
        var brokenInBody = false
    }

    enum Verdict: Equatable {
        case accepted(Message)
        case refused
        case incomplete
    }

    static func request(_ bytes: [UInt8]) -> Verdict {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
        do { try channel.pipeline.syncOperations.addHandler(decoder) } catch { return .refused }
        return verdict(bytes, channel) { (part: HTTPServerRequestPart, message) in
            switch part {
            case .head(let head): message = Message(method: head.method.rawValue)
            case .body(let buffer): message?.body += Array(buffer.readableBytesView)
            case .end: message?.complete = true
            }
        }
    }

    static func response(_ bytes: [UInt8], to method: HTTPMethod) -> Verdict {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let decoder = ByteToMessageHandler(
            HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward))
        do {
            try channel.pipeline.syncOperations.addHandler(decoder)
            // The decoder must know what is answered; it sees that when the request passes on its way out.
            try channel.writeOutbound(
                HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: method, uri: "/")))
        } catch { return .refused }
        return verdict(bytes, channel) { (part: HTTPClientResponsePart, message) in
            switch part {
            case .head(let head): message = Message(status: Int(head.status.code))
            case .body(let buffer): message?.body += Array(buffer.readableBytesView)
            case .end: message?.complete = true
            }
        }
    }

    private static func verdict<Part>(
        _ bytes: [UInt8], _ channel: EmbeddedChannel, _ add: (Part, inout Message?) -> Void
    ) -> Verdict {
        var refused = false
        do { try channel.writeInbound(ByteBuffer(bytes: bytes)) } catch { refused = true }
        var message: Message?
        while message?.complete != true, let part = try? channel.readInbound(as: Part.self) { add(part, &message) }
        guard var message else { return refused ? .refused : .incomplete }
        message.brokenInBody = refused && !message.complete
        return .accepted(message)
    }
}
