/// Why a line of a log was dropped.
package enum LineLoss: UInt8, CaseIterable, Sendable {
    /// Lines were added faster than they could be written, or the reader hung.
    case queueFull
    /// The system or the receiver refused it.
    case writeFailed
    /// It was still not written some time after the log was redirected.
    case leftBehind

    package var name: String {
        switch self {
        case .queueFull: "queue_full"
        case .writeFailed: "write_failed"
        case .leftBehind: "left_behind"
        }
    }
}
