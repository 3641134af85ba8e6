/// Writes what surrounds the content of chunks (RFC 9112 7.1): size line before, `crlf` after, `lastChunk` at the end.
package enum ChunkEncoder {
    package static let maxHeaderBytes = 18
    package static let crlf: StaticString = "\r\n"
    package static let lastChunk: StaticString = "0\r\n\r\n"

    /// The size line of a chunk that is not empty; returns its length, 0 when `out` is shorter than `maxHeaderBytes`.
    package static func writeHeader(size: Int, into out: UnsafeMutableRawBufferPointer) -> Int {
        guard size > 0, out.count >= maxHeaderBytes else { return 0 }
        let digits = (Int.bitWidth - size.leadingZeroBitCount + 3) / 4
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: size >> (4 * (digits - 1 - index))) & 0xF
            out[index] = digit < 10 ? digit + 0x30 : digit + 0x57
        }
        out[digits] = Grammar.carriageReturn
        out[digits + 1] = Grammar.lineFeed
        return digits + 2
    }
}
