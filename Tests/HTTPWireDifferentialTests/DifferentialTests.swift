import HTTPWire
import NIOHTTP1
import ProxyTypes
import Testing

/// HTTPWire and llhttp read the same messages: the verdict and the end of the body agree, or the difference is one of
/// those listed here, each with the section that makes it right.
@Suite("HTTPWire beside llhttp")
struct DifferentialTests {
    /// Faults that llhttp does not see, or sees only in part: HTTPWire is stricter.
    static let stricter: [WireError: String] = [
        .badRequestLine: "9112 3: one space exactly, no repair", .badTarget: "9112 3.2, 9110 4.2.1",
        .unsupportedScheme: "9110 4.2", .userinfoInTarget: "9110 4.2.4", .badStatusLine: "9110 15: 100 to 599",
        .bareLF: "9112 2.2", .bareCR: "9112 2.2", .missingHost: "9112 3.2", .severalHosts: "9112 3.2",
        .badHost: "9112 3.2", .hostBeyondASCII: "3986 3.2.2", .percentInHost: "3986 3.2.2, 6874 2",
        .badConnection: "9110 7.6.1", .nominatedFraming: "9110 7.6.1", .badTransferEncoding: "9112 6.1, 7.1",
        .unknownTransferCoding: "9112 6.1", .chunkedTwice: "9112 6.1", .chunkedNotLast: "9112 6.3",
        .transferEncodingInHTTP10: "9112 6.1", .connectWithBody: "9110 9.3.6", .badChunkExtension: "9112 7.1.1",
        .forbiddenTrailer: "9110 6.5.1",
    ]

    /// What HTTPWire reads and llhttp does not, proven of the message itself.
    private static func isLenient(_ own: OwnReading) -> Bool {
        // 9110 9.1: any token is a method. 9110 2.5: a higher minor version is read as 1.1. 9112 6.3 item 5: one length
        // said again is one length. 9110 5.6.3: a tab is white space.
        own.isOtherMethod || (own.minorVersion ?? 0) > 1 || own.hasOddFraming
    }

    /// What is wrong with two readings of one message; nil: nothing.
    private static func difference(_ own: OwnReading, _ peer: PeerParser.Verdict) -> String? {
        switch (own.verdict, peer) {
        case (.accepted(let mine), .accepted(let theirs)):
            if own.fault != nil {
                if theirs.brokenInBody || Self.stricter[own.fault ?? .bareLF] != nil { return nil }
                return "refused in the body for no listed reason"
            }
            // An interim response has no end part in NIO.
            if (100..<200).contains(mine.status) { return mine.status == theirs.status ? nil : "another status" }
            return mine == theirs || own.hasOddFraming ? nil : "other boundaries"
        case (.refused, .accepted), (.refused, .incomplete):
            guard let fault = own.fault else { return "refused for no reason" }
            return Self.stricter[fault] != nil ? nil : "stricter for no listed reason"
        case (.refused, .refused), (.incomplete, .incomplete): return nil
        case (.accepted, _): return isLenient(own) ? nil : "HTTPWire accepts what llhttp does not"
        case (.incomplete, .accepted): return "llhttp is done, HTTPWire is not"
        // llhttp sees an unknown method or version, or a bad target, before the head ends; nothing is sent on before
        // that.
        case (.incomplete, .refused): return nil
        }
    }

    private func compareRequest(_ bytes: [UInt8]) {
        let own = OwnReading.request(bytes)
        let peer = PeerParser.request(bytes)
        if let difference = Self.difference(own, peer) {
            Issue.record("\(difference): \(text(bytes))\nHTTPWire: \(own.verdict) \(own.fault as Any)\nllhttp: \(peer)")
        }
        checkForwarded(own, of: bytes)
    }

    private func compareResponse(_ bytes: [UInt8], _ method: Method) {
        let own = OwnReading.response(bytes, to: method)
        // 9110 6.5.1: llhttp refuses trailers that frame; without them, the message is to be the same to it.
        let peer = PeerParser.response(own.dropsTrailers ? own.rewritten : bytes, to: method == .head ? .HEAD : .GET)
        if let difference = Self.difference(own, peer) {
            Issue.record("\(difference): \(text(bytes))\nHTTPWire: \(own.verdict) \(own.fault as Any)\nllhttp: \(peer)")
        }
    }

    /// No smuggling: what is sent on is to llhttp the same request with the same body.
    private func checkForwarded(_ own: OwnReading, of bytes: [UInt8]) {
        guard case .accepted(let mine) = own.verdict, own.fault == nil, !own.isOtherMethod else { return }
        let again = OwnReading.request(own.rewritten)
        guard again.fault != .badHost, again.fault != .missingHost else { return }
        let peer = PeerParser.request(own.rewritten)
        #expect(
            again.verdict == own.verdict && again.framing == own.framing, "\(text(bytes)) as \(text(own.rewritten))")
        #expect(peer == .accepted(mine), "\(text(bytes)) as \(text(own.rewritten))")
    }

    private static func isGoodRequest(_ bytes: [UInt8]) -> Bool {
        let own = OwnReading.request(bytes)
        return own.fault == nil && own.verdict != .incomplete
    }

    private static func isGoodResponse(_ bytes: [UInt8]) -> Bool {
        let own = OwnReading.response(bytes, to: .get)
        return own.fault == nil && own.verdict != .incomplete
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }

    @Test("requests made by hand")
    func requests() {
        for message in Messages.requests { compareRequest(Messages.bytes(message)) }
    }

    @Test("responses made by hand", arguments: [Method.get, .head])
    func responses(method: Method) {
        for message in Messages.responses { compareResponse(Messages.bytes(message), method) }
    }

    @Test("requests changed at random", arguments: [1, 2, 3, 4] as [UInt64])
    func mutatedRequests(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let good = Messages.requests.map(Messages.bytes).filter(Self.isGoodRequest)
        var whole = 0
        for _ in 0..<3_000 {
            let message = Messages.mutated(good[random.below(good.count)], &random)
            compareRequest(message)
            if Self.isGoodRequest(message) { whole += 1 }
        }
        #expect(whole > 300)
    }

    @Test("responses changed at random", arguments: [5, 6] as [UInt64])
    func mutatedResponses(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let good = Messages.responses.map(Messages.bytes).filter(Self.isGoodResponse)
        var whole = 0
        for _ in 0..<3_000 {
            let message = Messages.mutated(good[random.below(good.count)], &random)
            compareResponse(message, random.below(4) == 0 ? .head : .get)
            if Self.isGoodResponse(message) { whole += 1 }
        }
        #expect(whole > 300)
    }
}
