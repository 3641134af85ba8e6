/// How large a head may be before it is refused. Value.
package struct HeadLimits: Sendable {
    package var maxHeadBytes: Int
    package var maxTargetBytes: Int
    package var maxFields: Int

    package init(maxHeadBytes: Int = 65_536, maxTargetBytes: Int = 16_384, maxFields: Int = 1_000) {
        self.maxHeadBytes = maxHeadBytes
        self.maxTargetBytes = maxTargetBytes
        self.maxFields = maxFields
    }

    /// Offsets in the field table have 32 bits.
    @inline(__always)
    var scanEnd: Int { min(maxHeadBytes, Int(Int32.max)) }

    /// More options than this in the Connection fields are refused: each is looked up among all fields.
    static let maxConnectionOptions = 64
    /// Empty lines before a request line (RFC 9112 2.2) that are skipped.
    static let maxEmptyLines = 4
    /// RFC 9112 3: a longer method is one that nobody implements.
    static let maxMethodBytes = 128
    static let maxHostBytes = 255
}
