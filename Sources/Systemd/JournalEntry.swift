/// One encoded entry of the journal (systemd.io/JOURNAL_NATIVE_PROTOCOL). Value.
package struct JournalEntry: Sendable {
    private static let longestName = 64

    /// In the format of journald's socket.
    package private(set) var bytes: [UInt8] = []

    /// `priority` by syslog(3): 0 is an emergency, 7 is for debugging.
    package init(message: String, priority: Int) {
        bytes.reserveCapacity(256 + message.utf8.count)
        add("MESSAGE", message)
        add("PRIORITY", String(min(max(priority, 0), 7)))
    }

    /// Adds a field. The name is made valid: upper case, `_` for anything but letters and digits, no `_` or digit at
    /// the start, at most 64 bytes; a field without a name left is dropped. Names may repeat.
    package mutating func add(_ name: String, _ value: String) {
        let start = bytes.count
        for scalar in name.unicodeScalars {
            guard bytes.count - start < Self.longestName else { break }
            let byte = Self.nameByte(scalar)
            let isLetter = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            if bytes.count > start || isLetter { bytes.append(byte) }
        }
        guard bytes.count > start else { return }
        let newline = UInt8(ascii: "\n")
        if value.utf8.contains(newline) {
            bytes.append(newline)
            let count = UInt64(value.utf8.count)
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: count >> shift))
            }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes.append(contentsOf: value.utf8)
        bytes.append(newline)
    }

    private static func nameByte(_ scalar: Unicode.Scalar) -> UInt8 {
        switch scalar {
        case "A"..."Z", "0"..."9": UInt8(ascii: scalar)
        case "a"..."z": UInt8(ascii: scalar) - (UInt8(ascii: "a") - UInt8(ascii: "A"))
        default: UInt8(ascii: "_")
        }
    }
}
