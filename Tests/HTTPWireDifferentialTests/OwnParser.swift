import FuzzTargets
import HTTPWire

/// HTTPWire's reading of the first message of some bytes, in the peer's terms.
struct OwnReading {
    var verdict: PeerParser.Verdict
    /// Why it was refused, in the head or in the body.
    var fault: WireError?
    var framing = BodyFraming.none
    var minorVersion: UInt8?
    var isOtherMethod = false
    /// Content-Length said one number more than once, or a tab beside its value or Transfer-Encoding's: sent on
    /// canonically.
    var hasOddFraming = false
    /// Trailers were dropped, which only a response's are.
    var dropsTrailers = false
    /// What is sent on: the rewritten head (of a response, as it came), and of the body what is passed on.
    var rewritten: [UInt8] = []

    static func request(_ bytes: [UInt8]) -> OwnReading {
        var head = RequestHead()
        switch Feeding.request(bytes, head: &head) {
        case .incomplete: return OwnReading(verdict: .incomplete)
        case .refused(let fault): return OwnReading(verdict: .refused, fault: fault)
        case .accepted(let request):
            let message = PeerParser.Message(method: String(decoding: bytes[request.methodRange], as: UTF8.self))
            let rules = rules(.refused, request.connection, head.fields, bytes)
            var reading = body(message, request.framing, Array(bytes[request.length...]), rules)
            reading.minorVersion = bytes[request.target.upperBound + 8] - 0x30
            reading.isOtherMethod = request.method == .other
            reading.hasOddFraming = hasOddFraming(request.lines, bytes)
            reading.rewritten = Feeding.rewritten(head, bytes) + reading.rewritten
            return reading
        }
    }

    static func response(_ bytes: [UInt8], to method: Method) -> OwnReading {
        var head = ResponseHead()
        switch Feeding.response(bytes, method: method, head: &head) {
        case .incomplete: return OwnReading(verdict: .incomplete)
        case .refused(let fault): return OwnReading(verdict: .refused, fault: fault)
        case .accepted(let response):
            let rules = rules(.dropped, response.connection, head.fields, bytes)
            var reading = body(
                PeerParser.Message(status: response.status), response.framing, Array(bytes[response.length...]), rules)
            reading.rewritten = bytes[..<response.length] + reading.rewritten
            reading.minorVersion = bytes[7] - 0x30
            reading.hasOddFraming = hasOddFraming(response.lines, bytes)
            return reading
        }
    }

    private static func hasOddFraming(_ lines: [LineSnapshot], _ bytes: [UInt8]) -> Bool {
        let lengths = lines.filter { $0.id == .contentLength }
        let framing = lines.filter { $0.id == .contentLength || $0.id == .transferEncoding }
        return lengths.count > 1 || lengths.contains { bytes[$0.value].contains(UInt8(ascii: ",")) }
            || framing.contains { bytes[$0.line].contains(0x09) }
    }

    private static func rules(
        _ forbidden: TrailerRules.Forbidden, _ connection: ConnectionOptions, _ fields: FieldTable, _ bytes: [UInt8]
    ) -> TrailerRules {
        let nominated = connection.contains(.others) ? fields.nominated(bytes.span.bytes) : []
        return TrailerRules(maxBytes: 16_384, forbidden: forbidden, nominated: nominated)
    }

    private static func body(
        _ message: PeerParser.Message, _ framing: BodyFraming, _ rest: [UInt8], _ rules: TrailerRules
    ) -> OwnReading {
        let outcome = ChunkChecks.read([rest], decoding: true, framing: framing, rules: rules)
        var message = message
        message.body = outcome.content
        message.complete = outcome.complete
        message.brokenInBody = outcome.fault != nil
        return OwnReading(
            verdict: .accepted(message), fault: outcome.fault, framing: framing,
            dropsTrailers: outcome.passed.count < outcome.taken, rewritten: outcome.passed)
    }
}
