package import HTTPWire
import ProxyTypes

/// How a head was judged.
package enum Verdict<Accepted: Equatable & Sendable>: Equatable, Sendable {
    case accepted(Accepted)
    case refused(WireError)
    case incomplete
}

/// All that a parsed request head says, without the bytes.
package struct RequestSnapshot: Equatable, Sendable {
    package var method: Method
    package var methodRange: Range<Int>
    package var target: Range<Int>
    package var version: HTTPVersion
    package var length: Int
    package var form: TargetForm
    package var scheme: TargetScheme
    package var authority: Range<Int>
    package var host: Range<Int>
    package var port: UInt16
    package var pathAndQuery: Range<Int>
    package var framing: BodyFraming
    package var connection: ConnectionOptions
    package var persistent: Bool
    package var expectsContinue: Bool
    package var upgrade: Bool
    package var acceptsTrailers: Bool
    package var maxForwards: Int?
    package var lines: [LineSnapshot]

    package init(_ head: RequestHead) {
        method = head.method
        methodRange = head.methodRange
        target = head.target
        version = head.version
        length = head.length
        form = head.form
        scheme = head.scheme
        authority = head.authority
        host = head.host
        port = head.port
        pathAndQuery = head.pathAndQuery
        framing = head.framing
        connection = head.connection
        persistent = head.persistent
        expectsContinue = head.expectsContinue
        upgrade = head.upgrade
        acceptsTrailers = head.acceptsTrailers
        maxForwards = head.maxForwards
        lines = head.fields.entries.map(LineSnapshot.init)
    }
}

/// All that a parsed response head says, without the bytes.
package struct ResponseSnapshot: Equatable, Sendable {
    package var status: Int
    package var version: HTTPVersion
    package var reason: Range<Int>
    package var length: Int
    package var framing: BodyFraming
    package var connection: ConnectionOptions
    package var persistent: Bool
    package var isInformational: Bool
    package var keepAliveTimeout: Int?
    package var keepAliveMax: Int?
    package var lines: [LineSnapshot]

    package init(_ head: ResponseHead) {
        status = head.status
        version = head.version
        reason = head.reason
        length = head.length
        framing = head.framing
        connection = head.connection
        persistent = head.persistent
        isInformational = head.isInformational
        keepAliveTimeout = head.keepAliveTimeout
        keepAliveMax = head.keepAliveMax
        lines = head.fields.entries.map(LineSnapshot.init)
    }
}

package struct LineSnapshot: Equatable, Sendable {
    package var id: FieldID
    package var dropped: Bool
    package var name: Range<Int>
    package var value: Range<Int>
    package var line: Range<Int>

    init(_ entry: FieldTable.Entry) {
        id = entry.id
        dropped = entry.dropped
        name = entry.name
        value = entry.value
        line = entry.line
    }
}

/// Feeds heads as they may arrive, one head value for all, and rewrites them.
package enum Feeding {
    /// `ends`: how many of the bytes are there at each call.
    package static func request(
        _ bytes: [UInt8], ends: [Int]? = nil, limits: HeadLimits = HeadLimits(), head: inout RequestHead
    ) -> Verdict<RequestSnapshot> {
        var parser = RequestHeadParser()
        for end in ends ?? [bytes.count] {
            do throws(WireError) {
                let span = bytes.span.bytes.extracting(first: end)
                if try parser.parse(span, limits: limits, into: &head) { return .accepted(RequestSnapshot(head)) }
            } catch {
                return .refused(error)
            }
        }
        return .incomplete
    }

    package static func response(
        _ bytes: [UInt8], method: Method = .get, ends: [Int]? = nil, limits: HeadLimits = HeadLimits(),
        head: inout ResponseHead
    ) -> Verdict<ResponseSnapshot> {
        var parser = ResponseHeadParser()
        for end in ends ?? [bytes.count] {
            do throws(WireError) {
                let span = bytes.span.bytes.extracting(first: end)
                if try parser.parse(span, requestMethod: method, limits: limits, into: &head) {
                    return .accepted(ResponseSnapshot(head))
                }
            } catch {
                return .refused(error)
            }
        }
        return .incomplete
    }

    /// In its canonical form. A request whose host has none goes nowhere: it is as written.
    package static func host(_ range: Range<Int>, _ bytes: [UInt8]) -> [UInt8] {
        let host = try? OriginHost(parsing: String(decoding: bytes[range], as: UTF8.self))
        return host.map { Array($0.description.utf8) } ?? Array(bytes[range])
    }

    /// Of the origin that the target names.
    package static func authority(_ head: RequestHead, _ bytes: [UInt8]) -> [UInt8] {
        let host = host(head.host, bytes)
        return head.port == head.scheme.defaultPort ? host : host + Array(":\(head.port)".utf8)
    }

    package static func rewritten(_ head: RequestHead, _ bytes: [UInt8], via: String = "1.1 connd") -> [UInt8] {
        let (authority, via) = (authority(head, bytes), Array(via.utf8))
        let size = HeadWriter.requestSize(head, authorityLength: authority.count, viaLength: via.count)
        return [UInt8](unsafeUninitializedCapacity: size) { out, count in
            count = HeadWriter.writeRequest(
                head, bytes.span.bytes, authority: authority.span.bytes, via: via.span.bytes,
                into: UnsafeMutableRawBufferPointer(out)
            )
        }
    }

    package static func rewritten(
        _ head: ResponseHead, _ bytes: [UInt8], to client: ResponseShape = ResponseShape(), via: String = "1.1 connd",
        by rewrite: ResponseRewrite? = nil
    ) -> [UInt8] {
        let via = Array(via.utf8)
        var edits: [HeadEdit] = []
        rewrite?.findEdits(in: head, bytes.span.bytes, into: &edits)
        let base = rewrite?.base ?? []
        let size = HeadWriter.responseSize(
            head, viaLength: via.count, edits: edits.count, baseLength: base.count)
        return [UInt8](unsafeUninitializedCapacity: size) { out, count in
            count = HeadWriter.writeResponse(
                head, bytes.span.bytes, via: via.span.bytes, to: client, edits: edits, base: base,
                into: UnsafeMutableRawBufferPointer(out)
            )
        }
    }
}
