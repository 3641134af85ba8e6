/// From the lines of a request's head to its facts.
extension RequestHead {
    mutating func interpret(_ bytes: RawSpan) throws(WireError) {
        var hop = HopByHop(isRequest: true)
        var named = Named()
        for index in 0..<fields.count {
            if try !hop.note(index, &fields, bytes) { try note(index, bytes, &named) }
        }
        try resolveTarget(bytes, named)
        framing = try BodyFraming.request(
            version: version, contentLength: hop.contentLength, transferCoding: hop.transferCoding
        )
        if hop.canonicalLength, case .length(let length) = framing { canonicalLength = length }
        canonicalChunked = hop.canonicalChunked
        if method == .connect, hasBody { throw .connectWithBody }

        // Proxy-Connection from a client means what Connection would have meant.
        connection = hop.options.union(hop.proxyOptions)
        try hop.dropNominated(&fields, bytes)
        persistent = !connection.contains(.close) && (version == .http11 || connection.contains(.keepAlive))
        settleExpectation(named)
        settleUpgrade(named)
    }

    private var hasBody: Bool {
        switch framing {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }

    /// What the pass over the fields found that is decided only when all of them are known.
    private struct Named {
        var hosts = 0
        var host = 0..<0
        var continueExpected: Int?
        var upgrades = false
        var upgradesToHTTP = false
    }

    private mutating func note(_ index: Int, _ bytes: RawSpan, _ named: inout Named) throws(WireError) {
        let value = fields[index].value
        switch fields[index].id {
        case .host:
            fields.drop(index)
            named.hosts += 1
            named.host = value
        case .te:
            acceptsTrailers = acceptsTrailers || Self.hasTrailers(bytes, value)
        case .upgrade:
            named.upgrades = true
            named.upgradesToHTTP = named.upgradesToHTTP || Self.namesHTTP(bytes, value)
        case .expect:
            if Self.isContinue(bytes, value) { named.continueExpected = index }
        case .authorization:
            bindsConnection = bindsConnection || BoundAuthentication.isNamed(bytes, value)
        case .maxForwards where method == .options || method == .trace:
            guard maxForwards == nil, let forwards = Self.forwards(bytes, value) else { throw .badMaxForwards }
            fields.drop(index)
            maxForwards = forwards
        default:
            break
        }
    }

    private mutating func resolveTarget(_ bytes: RawSpan, _ named: Named) throws(WireError) {
        guard named.hosts <= 1 else { throw .severalHosts }
        guard named.hosts == 1 || version == .http10 else { throw .missingHost }
        let parsed = try RequestTarget.parse(method, bytes, target)
        // The target wins over Host (RFC 9112 3.2.2), which still has to be well-formed.
        let hostField = named.hosts == 1 ? try Authority.parse(bytes, named.host, fault: .badHost) : nil
        form = parsed.form
        scheme = parsed.scheme
        pathAndQuery = parsed.pathAndQuery
        if let named = parsed.authority ?? hostField {
            authority = named.range
            host = named.host
            port = named.port ?? scheme.defaultPort
        }
    }

    /// RFC 9110 10.1.1: only with a body to come; in HTTP/1.0 it is as if it were not there, so it is not passed
    /// either.
    private mutating func settleExpectation(_ named: Named) {
        guard let index = named.continueExpected else { return }
        if version == .http10 {
            fields.drop(index)
        } else {
            expectsContinue = hasBody
        }
    }

    private mutating func settleUpgrade(_ named: Named) {
        upgrade =
            named.upgrades && !named.upgradesToHTTP && version == .http11 && connection.contains(.upgrade)
            && method != .connect
    }

    private static func hasTrailers(_ bytes: RawSpan, _ value: Range<Int>) -> Bool {
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            if element.count == 8, Grammar.lowerWord(bytes, element.lowerBound, 8) == 0x7372_656C_6961_7274 {
                return true
            }
        }
        return false
    }

    /// h2c and the like: an origin that took it would read what follows in another framing than this proxy does
    /// (RFC 9113 dropped that upgrade).
    private static func namesHTTP(_ bytes: RawSpan, _ value: Range<Int>) -> Bool {
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            let nameEnd = Grammar.firstOutsideToken(bytes, from: element.lowerBound, to: element.upperBound)
            let length = nameEnd - element.lowerBound
            let word = Grammar.lowerWord(bytes, element.lowerBound, length)
            switch (length, word) {
            case (2, 0x3268), (3, 0x0063_3268), (4, 0x7074_7468): return true
            default: break
            }
        }
        return false
    }

    private static func isContinue(_ bytes: RawSpan, _ value: Range<Int>) -> Bool {
        value.count == 12 && Grammar.lowerWord(bytes, value.lowerBound, 12) == 0x746E_6F63_2D30_3031
            && Grammar.lowerWord(bytes, value.lowerBound + 8, 4) == 0x6575_6E69
    }

    /// A number too large to count down from is as good as the largest one.
    private static func forwards(_ bytes: RawSpan, _ value: Range<Int>) -> Int? {
        guard !value.isEmpty else { return nil }
        for at in value where !Grammar.isDigit(bytes.byte(at)) { return nil }
        return Grammar.decimal(bytes, value).map { Int($0) } ?? Int.max
    }
}
