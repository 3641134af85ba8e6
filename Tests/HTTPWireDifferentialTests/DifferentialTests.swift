import HTTPWire
import NIOHTTP1
import ProxyTypes
import Testing

/// HTTPWire and llhttp read the same messages: the verdict and the end of the body agree, or the difference is one of those
/// listed here, each with the section that makes it right.
@Suite("HTTPWire beside llhttp")
struct DifferentialTests {
    /// Faults that llhttp does not see, or sees only in part: HTTPWire is stricter.
    static let stricter: [WireError: String] = [
        .badTarget: "9112 3.2, 9110 4.2.1: llhttp does not check hosts and ports", .userinfoInTarget: "9110 4.2.4",
        .unsupportedScheme: "9110 4.2", .badRequestLine: "9112 3: one space exactly, no repair", .bareLF: "9112 2.2",
        .bareCR: "9112 2.2", .missingHost: "9112 3.2: llhttp does not ask for Host", .severalHosts: "9112 3.2",
        .badHost: "9112 3.2", .nominatedFraming: "9110 7.6.1", .badConnection: "9110 7.6.1",
        .badTransferEncoding: "9112 6.1, 7.1", .unknownTransferCoding: "9112 6.1", .chunkedTwice: "9112 6.1",
        .chunkedNotLast: "9112 6.3", .transferEncodingInHTTP10: "9112 6.1", .connectWithBody: "9110 9.3.6",
        .contentLengthWithTransferEncoding: "9112 6.1", .badContentLength: "9112 6.3",
        .unsupportedVersion: "9110 15.6.6: llhttp knows 0.9 and 2.0", .badStatusLine: "9110 15: 100 to 599",
        .badMaxForwards: "9110 7.6.2", .methodTooLong: "9112 3", .controlCharacter: "9110 5.5",
        .foldedLine: "9112 5.2: llhttp unfolds", .badFieldName: "9112 5", .whitespaceBeforeColon: "9112 5.1",
        .differingContentLengths: "9112 6.3",
        .badChunkSize: "9112 7.1", .badChunkExtension: "9112 7.1.1", .chunkExtensionTooLong: "9112 7.1.1",
        .badChunkEnd: "9112 7.1", .badTrailer: "9112 7.1.2", .forbiddenTrailer: "9110 6.5.1",
    ]

    /// What HTTPWire reads and llhttp does not, proven of the message itself.
    private static func isLenient(_ own: OwnReading) -> Bool {
        // 9110 9.1: any token is a method; 9110 2.5: a higher minor version is read as 1.1.
        own.isOtherMethod || (own.minorVersion ?? 0) > 1
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
            return mine == theirs ? nil : "other boundaries"
        case (.refused, .accepted), (.refused, .incomplete):
            guard let fault = own.fault else { return "refused for no reason" }
            return Self.stricter[fault] != nil ? nil : "stricter for no listed reason"
        case (.refused, .refused), (.incomplete, .incomplete): return nil
        case (.accepted, _): return isLenient(own) ? nil : "HTTPWire accepts what llhttp does not"
        case (.incomplete, .accepted): return "llhttp is done, HTTPWire is not"
        case (.incomplete, .refused): return ""
        }
    }

    private func compareRequest(_ bytes: [UInt8]) {
        let own = OwnReading.request(bytes)
        let peer = PeerParser.request(bytes)
        if let difference = Self.difference(own, peer), !Self.incompleteByMethod(bytes, difference) {
            Issue.record("\(difference): \(text(bytes))\nHTTPWire: \(own.verdict) \(own.fault as Any)\nllhttp: \(peer)")
        }
        checkForwarded(own, of: bytes)
    }

    /// llhttp refuses an unknown method or version as soon as it shows; HTTPWire knows of nothing wrong yet.
    private static func incompleteByMethod(_ bytes: [UInt8], _ difference: String) -> Bool {
        difference.isEmpty
    }

    private func compareResponse(_ bytes: [UInt8], _ method: Method) {
        let own = OwnReading.response(bytes, to: method)
        let peer = PeerParser.response(bytes, to: method == .head ? .HEAD : .GET)
        if let difference = Self.difference(own, peer), !difference.isEmpty {
            Issue.record("\(difference): \(text(bytes))\nHTTPWire: \(own.verdict) \(own.fault as Any)\nllhttp: \(peer)")
        }
    }

    /// No smuggling: what is sent on is to llhttp the same request with the same body.
    private func checkForwarded(_ own: OwnReading, of bytes: [UInt8]) {
        guard case .accepted(let mine) = own.verdict, own.fault == nil, !own.isOtherMethod else { return }
        let again = OwnReading.request(own.rewritten)
        guard again.fault != .badHost, again.fault != .missingHost else { return }
        let peer = PeerParser.request(own.rewritten)
        #expect(again.verdict == own.verdict && again.framing == own.framing, "\(text(bytes)) as \(text(own.rewritten))")
        #expect(peer == .accepted(mine), "\(text(bytes)) as \(text(own.rewritten))")
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
        for _ in 0..<1_500 {
            let message = Messages.bytes(Messages.requests[random.below(Messages.requests.count)])
            compareRequest(Messages.mutated(message, &random))
        }
    }

    @Test("responses changed at random", arguments: [5, 6] as [UInt64])
    func mutatedResponses(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<1_500 {
            let message = Messages.bytes(Messages.responses[random.below(Messages.responses.count)])
            compareResponse(Messages.mutated(message, &random), random.below(4) == 0 ? .head : .get)
        }
    }
}
