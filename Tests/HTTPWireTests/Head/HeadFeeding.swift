import FuzzTargets
import HTTPWire
import TestSupport
import Testing

/// Judges heads in every way they may arrive, and says what the ranges hold.
enum Heads {
    /// The verdict, the same for every arrival, or an issue is recorded.
    static func request(
        _ text: String, limits: HeadLimits = HeadLimits(), sourceLocation: SourceLocation = #_sourceLocation
    ) -> Verdict<RequestSnapshot> {
        let bytes = Wire.bytes(text)
        var head = RequestHead()
        let whole = Feeding.request(bytes, limits: limits, head: &head)
        for ends in Splits.arrivals(of: bytes.count) {
            let verdict = Feeding.request(bytes, ends: ends, limits: limits, head: &head)
            #expect(verdict == whole, "\(text.debugDescription) as \(ends)", sourceLocation: sourceLocation)
        }
        return whole
    }

    static func response(
        _ text: String, method: Method = .get, limits: HeadLimits = HeadLimits(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Verdict<ResponseSnapshot> {
        let bytes = Wire.bytes(text)
        var head = ResponseHead()
        let whole = Feeding.response(bytes, method: method, limits: limits, head: &head)
        for ends in Splits.arrivals(of: bytes.count) {
            let verdict = Feeding.response(bytes, method: method, ends: ends, limits: limits, head: &head)
            #expect(verdict == whole, "\(text.debugDescription) as \(ends)", sourceLocation: sourceLocation)
        }
        return whole
    }

    static func accepted(
        _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> RequestSnapshot {
        let verdict = request(text, sourceLocation: sourceLocation)
        guard case .accepted(let head) = verdict else {
            throw Unexpected(what: "\(text.debugDescription): \(verdict)")
        }
        return head
    }

    static func acceptedResponse(
        _ text: String, method: Method = .get, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ResponseSnapshot {
        let verdict = response(text, method: method, sourceLocation: sourceLocation)
        guard case .accepted(let head) = verdict else {
            throw Unexpected(what: "\(text.debugDescription): \(verdict)")
        }
        return head
    }

    static func rewritten(_ text: String) throws -> String {
        let bytes = Wire.bytes(text)
        var head = RequestHead()
        guard case .accepted = Feeding.request(bytes, head: &head) else {
            throw Unexpected(what: "\(text.debugDescription): \(Feeding.request(bytes, head: &head))")
        }
        return Wire.text(Feeding.rewritten(head, bytes))
    }

    static func rewrittenResponse(
        _ text: String, method: Method = .get, to client: ResponseShape = ResponseShape()
    ) throws -> String {
        let bytes = Wire.bytes(text)
        var head = ResponseHead()
        guard case .accepted = Feeding.response(bytes, method: method, head: &head) else {
            throw Unexpected(what: "\(text.debugDescription): \(Feeding.response(bytes, method: method, head: &head))")
        }
        return Wire.text(Feeding.rewritten(head, bytes, to: client))
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let what: String
    var description: String { what }
}

/// Messages as text in which each scalar is one byte (Latin-1).
enum Wire {
    static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
