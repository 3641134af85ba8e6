package import HTTPWire

/// What must hold for any bytes given as a chunked body; the check answers what was broken, or nil.
package enum ChunkChecks {
    private static let maxTrailerBytes = 256

    package struct Outcome: Equatable, Sendable {
        package var fault: WireError?
        package var taken = 0
        package var content: [UInt8] = []
        package var complete = false

        package init(fault: WireError? = nil, taken: Int = 0, content: [UInt8] = [], complete: Bool = false) {
            self.fault = fault
            self.taken = taken
            self.content = content
            self.complete = complete
        }
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
        if whole.fault == nil, whole != split { return "the content depends on the split: \(whole) and \(split)" }
        let passed = read([bytes], decoding: false)
        guard passed.fault == whole.fault, passed.taken == whole.taken, passed.complete == whole.complete else {
            return "passing on and decoding differ: \(passed) and \(whole)"
        }
        guard whole.taken <= bytes.count else { return "more was taken than given" }
        if whole.complete, read([Array(bytes[..<whole.taken])], decoding: true) != whole {
            return "the body alone is read differently"
        }
        return nil
    }

    package static func read(
        _ pieces: [[UInt8]], decoding: Bool, framing: BodyFraming = .chunked, maxTrailerBytes: Int = maxTrailerBytes
    ) -> Outcome {
        var reader = BodyReader(framing, maxTrailerBytes: maxTrailerBytes)
        var outcome = Outcome()
        var ranges: [Range<Int>] = []
        for piece in pieces {
            do throws(WireError) {
                ranges.removeAll()
                let taken =
                    decoding
                    ? try reader.decode(piece.span.bytes, content: &ranges) : try reader.consume(piece.span.bytes)
                outcome.taken += taken
                for range in ranges { outcome.content += piece[range] }
                if taken < piece.count { break }
            } catch {
                outcome.fault = error
                break
            }
        }
        outcome.complete = reader.isComplete
        return outcome
    }
}
