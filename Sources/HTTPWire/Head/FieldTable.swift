/// Where the field lines of one head are: offsets into its bytes, in order. Value; reused, so that it does not
/// allocate.
package struct FieldTable: Sendable {
    package struct Entry: BitwiseCopyable, Sendable {
        package var lineStart: UInt32
        package var nameEnd: UInt32
        package var valueStart: UInt32
        package var valueEnd: UInt32
        /// After its CRLF.
        package var lineEnd: UInt32
        package var id: FieldID
        /// Not sent on as it is: hop-by-hop, or written anew by the proxy.
        package var dropped: Bool

        package var name: Range<Int> { Int(lineStart)..<Int(nameEnd) }
        package var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
        package var line: Range<Int> { Int(lineStart)..<Int(lineEnd) }
    }

    package private(set) var entries: [Entry] = []
    /// Bit n: a field with the id of raw value n is there.
    private var present: UInt32 = 0

    package init() {
        entries.reserveCapacity(64)
    }

    package var count: Int { entries.count }

    package subscript(_ index: Int) -> Entry { entries[index] }

    @inline(__always)
    package func contains(_ id: FieldID) -> Bool { present & (1 &<< UInt32(id.rawValue)) != 0 }

    /// A line of it is sent on.
    func passes(_ id: FieldID) -> Bool {
        contains(id) && entries.contains { $0.id == id && !$0.dropped }
    }

    package func first(_ id: FieldID) -> Entry? {
        guard contains(id) else { return nil }
        for entry in entries where entry.id == id { return entry }
        return nil
    }

    @inline(__always)
    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        present = 0
    }

    @inline(__always)
    mutating func append(_ entry: Entry) {
        entries.append(entry)
        present |= 1 &<< UInt32(entry.id.rawValue)
    }

    @inline(__always)
    mutating func drop(_ index: Int) {
        entries[index].dropped = true
    }
}
