import HTTPWire
import ProxyTypes

/// What must hold for any bytes given as a head; each check answers what was broken, or nil.
package enum HeadChecks {
    private static let limits = HeadLimits(maxHeadBytes: 2_048, maxTargetBytes: 512, maxFields: 40)
    private static let wide = HeadLimits(maxHeadBytes: 65_536, maxTargetBytes: 8_192, maxFields: 100)

    /// The first byte says where the rest is split.
    package static func request(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let bytes = Array(input.dropFirst())
        var other = RequestHead()
        var head = RequestHead()
        let split = Feeding.request(bytes, ends: ends(first, bytes.count), limits: limits, head: &other)
        let whole = Feeding.request(bytes, limits: limits, head: &head)
        guard whole == split else { return "the verdict depends on the split: \(whole) and \(split)" }
        guard case .accepted(let request) = whole else { return nil }
        return broken(request, bytes) ?? brokenRewrite(of: request, head, bytes)
    }

    /// The first byte says where the rest is split, the second to which request it answers and who reads it.
    package static func response(_ input: [UInt8]) -> String? {
        guard input.count > 2 else { return nil }
        let bytes = Array(input.dropFirst(2))
        let method = [Method.get, .head, .connect, .post][Int(input[1] & 3)]
        var other = ResponseHead()
        var head = ResponseHead()
        let split = Feeding.response(
            bytes, method: method, ends: ends(input[0], bytes.count), limits: limits, head: &other
        )
        let whole = Feeding.response(bytes, method: method, limits: limits, head: &head)
        guard whole == split else { return "the verdict depends on the split: \(whole) and \(split)" }
        guard case .accepted(let response) = whole else { return nil }
        guard response.length <= bytes.count, inside(response.lines, response.length) else {
            return "a range is outside"
        }
        let shape = shape(input[1])
        for rewrite in [nil] + rewrites {
            if let broken = brokenRewrite(of: response, head, bytes, method, shape, rewrite) { return broken }
        }
        return nil
    }

    /// As gateways rewrite what they pass on.
    private static let rewrites: [ResponseRewrite?] = {
        let origins = [Origin("http://h"), Origin("https://h:8443")].compactMap(\.self)
        return [
            ResponseRewrite(origins: origins, base: Array("http://127.0.0.1:9101".utf8), stripsSecure: true),
            ResponseRewrite(origins: origins, base: [], stripsSecure: false),
        ]
    }()

    private static func ends(_ seed: UInt8, _ count: Int) -> [Int] {
        seed == 255 ? Array(0...count) : [count * Int(seed) / 255, count]
    }

    private static func shape(_ seed: UInt8) -> ResponseShape {
        ResponseShape(
            clientVersion: seed & 4 == 0 ? .http11 : .http10, persists: seed & 8 == 0, keepAliveTimeout: 5,
            keepAliveMax: 100, dechunk: seed & 16 != 0, passUpgrade: seed & 32 != 0
        )
    }

    private static func inside(_ lines: [LineSnapshot], _ length: Int) -> Bool {
        var at = 0
        for line in lines {
            guard line.line.lowerBound >= at, line.line.upperBound <= length, line.name.count > 0,
                line.value.lowerBound > line.name.upperBound, line.value.upperBound <= line.line.upperBound - 2
            else { return false }
            at = line.line.upperBound
        }
        return true
    }

    private static func broken(_ request: RequestSnapshot, _ bytes: [UInt8]) -> String? {
        guard request.length <= bytes.count, request.length <= limits.maxHeadBytes else { return "too long" }
        guard inside(request.lines, request.length), request.target.upperBound < request.length else {
            return "a range is outside"
        }
        guard request.framing != .untilClose else { return "a request cannot be framed by its end" }
        return nil
    }

    private static func brokenRewrite(
        of request: RequestSnapshot, _ head: RequestHead, _ bytes: [UInt8]
    ) -> String? {
        if request.authority.isEmpty { return nil }
        let output = Feeding.rewritten(head, bytes)
        var again = RequestHead()
        guard case .accepted(let next) = Feeding.request(output, limits: wide, head: &again) else {
            return "the rewritten request is refused: \(text(output))"
        }
        let same =
            output[next.methodRange] == bytes[request.methodRange] && next.framing == request.framing
            && next.length == output.count && next.version == .http11 && next.form != .absolute
            && Array(output[next.host]) == Feeding.host(request.host, bytes) && next.upgrade == request.upgrade
            && next.acceptsTrailers == request.acceptsTrailers
            && next.maxForwards == request.maxForwards.map { max($0 - 1, 0) }
            && (request.scheme == .https || next.port == request.port)
            && next.connection.isSubset(of: [.upgrade, .te])
        guard same else { return "the rewritten request is another: \(text(output))" }
        guard Feeding.host(next.host, output) == Array(output[next.host]) else {
            return "the host of the rewritten request has yet another form: \(text(output))"
        }
        let names = next.lines.map(\.id)
        let never: [FieldID] = [.proxyConnection, .keepAlive, .proxyAuthorization, .proxyAuthenticate]
        guard !names.contains(where: never.contains), names.count(where: { $0 == .host }) == 1,
            names.count(where: { $0 == .contentLength || $0 == .transferEncoding }) <= 1
        else { return "the rewritten request holds what it may not: \(text(output))" }
        return nil
    }

    private static func brokenRewrite(
        of response: ResponseSnapshot, _ head: ResponseHead, _ bytes: [UInt8], _ method: Method,
        _ shape: ResponseShape, _ rewrite: ResponseRewrite?
    ) -> String? {
        let output = Feeding.rewritten(head, bytes, to: shape, by: rewrite)
        var again = ResponseHead()
        guard case .accepted(let next) = Feeding.response(output, method: method, limits: wide, head: &again) else {
            return "the rewritten response is refused: \(text(output))"
        }
        let framing = shape.dechunk && response.framing == .chunked ? .untilClose : response.framing
        let same =
            next.status == response.status && next.framing == framing && next.length == output.count
            && output[next.reason] == bytes[response.reason]
        guard same else { return "the rewritten response is another: \(text(output))" }
        if !next.isInformational, !shape.passUpgrade, next.connection.contains(.close) == shape.persists {
            return "the connection field is wrong: \(text(output))"
        }
        return nil
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }
}
