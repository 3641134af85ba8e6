import ConfigurationFile
import Testing

@Suite("A byte order mark at the head of the config file")
struct ByteOrderMarkTests {
    enum Encoding: CaseIterable {
        case utf8, utf16Little, utf16Big, utf32Little, utf32Big

        func bytes(_ text: String) -> [UInt8] {
            switch self {
            case .utf8: Array(text.utf8)
            case .utf16Little: text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
            case .utf16Big: text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            case .utf32Little: text.unicodeScalars.flatMap { Self.bytes($0.value).reversed() }
            case .utf32Big: text.unicodeScalars.flatMap { Self.bytes($0.value) }
            }
        }

        private static func bytes(_ value: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
    }

    private static let mark = "\u{FEFF}"

    @Test("it says the encoding, and is no part of the file", arguments: Encoding.allCases)
    func isSkipped(encoding: Encoding) throws {
        for text in ["", "---\n", "# für alle\nproxy:\n  max_client_connections: 7\nlog: { level: debug }\n"] {
            let plain = try ConfigurationLoader.load(text: text, file: "f")
            #expect(try ConfigurationLoader.load(bytes: encoding.bytes(Self.mark + text), file: "f") == plain)
            #expect(
                try ConfigurationLoader.load(bytes: encoding.bytes(Self.mark + Self.mark + text), file: "f") == plain)
        }
    }

    @Test("lines and columns of problems are those of an editor", arguments: Encoding.allCases)
    func places(encoding: Encoding) {
        expectRefused(encoding, "proxi: {}", "f:1:1: unknown key `proxi`; did you mean `proxy`?")
        expectRefused(encoding, "log: { level: loud }", "f:1:15: `log.level` ")
        expectRefused(encoding, "log:\r\n  level: info\r\n  levle: info\r\n", "f:3:3: unknown key `levle` in log")
        expectRefused(encoding, "log: {}\na: b: c", "f:2:5: not valid YAML")
        expectRefused(encoding, "log: {}\n# \u{01}", "f:2:3: not valid YAML: control characters")
    }

    @Test(
        "bytes that are not what the mark says are refused",
        arguments: [
            [0xFF, 0xFE, 0x61], [0xFE, 0xFF, 0xD8, 0x00], [0xFF, 0xFE, 0, 0, 0x61, 0],
            [0, 0, 0xFE, 0xFF, 0, 0x11, 0, 0],
            [0xEF, 0xBB, 0xBF, 0xFF], [0x6C, 0, 0x6F, 0, 0xFF, 0],
        ] as [[UInt8]])
    func wrongBytes(bytes: [UInt8]) {
        let failure = #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(bytes: bytes, file: "f")
        }
        #expect(failure?.problems.map(\.description) == ["f: is neither UTF-8 nor UTF-16 or UTF-32 with a mark"])
    }

    private func expectRefused(
        _ encoding: Encoding, _ text: String, _ problem: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let failure = #expect(throws: ConfigurationFailure.self, sourceLocation: sourceLocation) {
            try ConfigurationLoader.load(bytes: encoding.bytes(Self.mark + text), file: "f")
        }
        let problems = failure?.problems.map(\.description) ?? []
        #expect(
            problems.count == 1 && problems.first?.hasPrefix(problem) == true, "\(problems)",
            sourceLocation: sourceLocation)
    }
}
