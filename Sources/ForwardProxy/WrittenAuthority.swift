import HTTPWire

/// The authority of a request as its client wrote it, kept to recognise later requests that say the same. Value.
struct WrittenAuthority {
    /// In storage that those who keep it share.
    let bytes: [UInt8]

    init(_ head: borrowing RequestHead, _ bytes: RawSpan) {
        self.bytes = head.authority.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    @inline(__always)
    func isOf(_ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        let range = head.authority
        guard range.count == self.bytes.count else { return false }
        for index in self.bytes.indices
        where bytes.unsafeLoad(fromByteOffset: range.lowerBound + index, as: UInt8.self) != self.bytes[index] {
            return false
        }
        return true
    }
}
