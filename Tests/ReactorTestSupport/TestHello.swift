/// ClientHellos made by hand.
package enum TestHello {
    package static func bytes(
        name: String?, protocols: [String]? = nil, version: UInt16 = 0x0303, ciphers: [UInt16] = [0x1301, 0xC02B]
    ) -> [UInt8] {
        var extensions: [UInt8] = []
        if let name { extensions += field(0, vector([0] + vector(Array(name.utf8), 2), 2)) }
        if let protocols { extensions += field(16, vector(protocols.flatMap { vector(Array($0.utf8), 1) }, 2)) }
        let suites = ciphers.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let body =
            [UInt8(version >> 8), UInt8(version & 0xFF)] + [UInt8](repeating: 7, count: 32) + vector([], 1)
            + vector(suites, 2) + vector([0], 1) + vector(extensions, 2)
        return [22, 3, 1] + vector([1] + vector(body, 3), 2)
    }

    private static func vector(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }

    private static func field(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 0xFF)] + vector(content, 2)
    }
}
