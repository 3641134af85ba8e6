package import HTTPWire

/// What must hold for any bytes given as a chunked body; the check answers what was broken, or nil.
package enum ChunkChecks {
    package static let rules = TrailerRules(maxBytes: 256, nominated: Array("keep-alive, X-Hop".utf8))
    private static let dropping = TrailerRules(
        maxBytes: 256, forbidden: .dropped, nominated: Array("keep-alive, X-Hop".utf8))
    /// Above the limit of the trailers: a size, an extension and the line ends.
    private static let maxHeld = 256 + 4_096 + 32

    package struct Outcome: Equatable, Sendable {
        package var fault: WireError?
        package var taken = 0
        package var content: [UInt8] = []
        package var complete = false
        /// What the next hop gets.
        package var passed: [UInt8] = []
        package var mostHeld = 0

        package init() {}
    }

    /// The first byte says where the rest is split.
    package static func chunks(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let bytes = Array(input.dropFirst())
        let cut = bytes.count * Int(first) / 255
        let whole = read([bytes], decoding: true)
        let pieces = first == 255 ? bytes.map { [$0] } : [Array(bytes[..<cut]), Array(bytes[cut...])]
        let split = read(pieces, decoding: true)
        guard whole.fault == split.fault, whole.complete == split.complete else {
            return "the verdict depends on the split: \(whole) and \(split)"
        }
        if whole.fault == nil {
            guard whole.content == split.content, whole.passed == split.passed else {
                return "what is passed on depends on the split: \(whole) and \(split)"
            }
        }
        let passed = read([bytes], decoding: false)
        guard passed.fault == whole.fault, passed.taken == whole.taken, passed.complete == whole.complete else {
            return "passing on and decoding differ: \(passed) and \(whole)"
        }
        guard whole.taken <= bytes.count else { return "more was taken than given" }
        if whole.complete, read([Array(bytes[..<whole.taken])], decoding: true) != whole {
            return "the body alone is read differently"
        }
        if let broken = brokenEnd(whole) ?? brokenEnd(split) { return broken }
        return brokenDrop(bytes, pieces, whole)
    }

    private static func brokenEnd(_ outcome: Outcome) -> String? {
        guard outcome.complete || !looksWhole(outcome.passed) else {
            return "a body that is not whole looks so: \(outcome)"
        }
        return outcome.mostHeld <= maxHeld ? nil : "\(outcome.mostHeld) bytes were held"
    }

    /// Where forbidden trailers are dropped, the content and the end are the same, and nothing forbidden is left.
    private static func brokenDrop(_ bytes: [UInt8], _ pieces: [[UInt8]], _ refusing: Outcome) -> String? {
        let outcome = read([bytes], decoding: false, rules: dropping)
        let split = read(pieces, decoding: false, rules: dropping)
        guard outcome.fault == split.fault, outcome.complete == split.complete,
            outcome.fault != nil || outcome.passed == split.passed
        else { return "what is dropped depends on the split: \(outcome) and \(split)" }
        if let broken = brokenEnd(outcome) ?? brokenEnd(split) { return broken }
        guard refusing.fault == .forbiddenTrailer else {
            guard outcome.fault == refusing.fault, outcome.passed == refusing.passed else {
                return "something was dropped that is not forbidden: \(outcome) and \(refusing)"
            }
            return nil
        }
        guard outcome.complete else { return nil }
        let again = read([outcome.passed], decoding: true)
        guard again.complete, again.fault == nil, again.taken == outcome.passed.count else {
            return "what is left is refused: \(outcome) and \(again)"
        }
        let decoded = read([bytes], decoding: true, rules: dropping)
        return again.content == decoded.content ? nil : "dropping a trailer changed the content"
    }

    /// To a reader that takes a body for whole when it has seen a line of size zero, be it cut off (Python's
    /// http.client).
    package static func looksWhole(_ body: [UInt8]) -> Bool {
        var at = 0
        while at < body.count {
            let line = body[at...].prefix { $0 != 0x0A }
            let digits = String(decoding: line.prefix { $0 != 0x3B && $0 != 0x0D }, as: UTF8.self)
            guard let size = Int(digits, radix: 16) else { return false }
            if size == 0 { return true }
            let (end, overflow) = (line.endIndex + 3).addingReportingOverflow(size)
            guard !overflow else { return false }
            at = end
        }
        return false
    }

    /// As a driver does it: what was not taken is given again, in front of the next piece.
    package static func read(
        _ pieces: [[UInt8]], decoding: Bool, framing: BodyFraming = .chunked, rules: TrailerRules = rules
    ) -> Outcome {
        var reader = BodyReader(framing, trailers: rules)
        var outcome = Outcome()
        var ranges: [Range<Int>] = []
        var held: [UInt8] = []
        for piece in pieces where !reader.isComplete {
            let bytes = held + piece
            do throws(WireError) {
                ranges.removeAll()
                let taken =
                    decoding
                    ? try reader.decode(bytes.span.bytes, content: &ranges) : try reader.consume(bytes.span.bytes)
                outcome.taken += taken
                for range in ranges { outcome.content += bytes[range] }
                ranges.removeAll()
                if reader.droppedTrailers > 0 {
                    reader.appendKept(bytes.span.bytes, taken: taken, to: &ranges)
                } else {
                    ranges.append(0..<taken)
                }
                for range in ranges { outcome.passed += bytes[range] }
                held = Array(bytes[taken...])
                if !reader.isComplete { outcome.mostHeld = max(outcome.mostHeld, held.count) }
            } catch {
                outcome.fault = error
                break
            }
        }
        outcome.complete = reader.isComplete
        return outcome
    }
}
