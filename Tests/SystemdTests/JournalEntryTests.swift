import Systemd
import Testing

@Suite("An entry of the journal")
struct JournalEntryTests {
    private func text(_ entry: JournalEntry) -> String { String(decoding: entry.bytes, as: UTF8.self) }

    /// The bytes of one field added to an empty entry.
    private func added(_ name: String, _ value: String) -> [UInt8] {
        var entry = JournalEntry(message: "", priority: 6)
        let before = entry.bytes.count
        entry.add(name, value)
        return Array(entry.bytes[before...])
    }

    @Test("fields are NAME=value lines, in the order given, repeats and all")
    func lines() {
        var entry = JournalEntry(message: "dial failed", priority: 4)
        entry.add("CONND_ORIGIN", "http://a=b")
        entry.add("CONND_ORIGIN", "")
        #expect(text(entry) == "MESSAGE=dial failed\nPRIORITY=4\nCONND_ORIGIN=http://a=b\nCONND_ORIGIN=\n")
    }

    @Test("a priority is one of syslog's", arguments: [(-1, "0"), (0, "0"), (7, "7"), (8, "7"), (Int.max, "7")])
    func priority(given: Int, written: String) {
        #expect(text(JournalEntry(message: "m", priority: given)) == "MESSAGE=m\nPRIORITY=\(written)\n")
    }

    @Test("a value with a newline goes by its length, in 64 bits, least significant byte first")
    func binary() {
        #expect(added("A", "x\ny") == Array("A\n".utf8) + [3, 0, 0, 0, 0, 0, 0, 0] + Array("x\ny\n".utf8))
        let long = String(repeating: "é\n", count: 100)
        #expect(added("A", long) == Array("A\n".utf8) + [0x2C, 1, 0, 0, 0, 0, 0, 0] + Array(long.utf8) + [10])
        let message = JournalEntry(message: "\n", priority: 6)
        #expect(message.bytes == Array("MESSAGE\n".utf8) + [1, 0, 0, 0, 0, 0, 0, 0] + Array("\n\nPRIORITY=6\n".utf8))
    }

    @Test("a value cannot add a field of its own", arguments: ["x\nPRIORITY=0", "\n", "x\n", "x\r\nA=b"])
    func noInjection(value: String) {
        #expect(added("A", value).starts(with: Array("A\n".utf8) + [UInt8(value.utf8.count), 0, 0, 0, 0, 0, 0, 0]))
    }

    @Test(
        "a name is made a valid one",
        arguments: [
            ("CONND_ORIGIN", "CONND_ORIGIN"), ("request-id", "REQUEST_ID"), ("_TRANSPORT", "TRANSPORT"),
            ("__1x", "X"), ("9LIVES", "LIVES"), ("a1", "A1"), ("a=b\nc", "A_B_C"), ("größe", "GR__E"), ("zZ", "ZZ"),
            (String(repeating: "a", count: 65), String(repeating: "A", count: 64)),
            (String(repeating: "_", count: 90) + "b", "B"),
        ])
    func names(given: String, written: String) {
        #expect(added(given, "v") == Array("\(written)=v\n".utf8))
    }

    @Test("a field without a name is dropped", arguments: ["", "_", "123", "_9_", "é", "="])
    func nameless(name: String) {
        #expect(added(name, "v") == [])
        #expect(added(name, "v\nw") == [])
    }
}
