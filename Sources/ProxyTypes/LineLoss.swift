/// Why a line of a log was never written.
package enum LineLoss: UInt8, CaseIterable, Sendable {
    /// Lines came faster than they were taken, or were not taken at all.
    case queueFull
    /// The system or the receiver refused them.
    case writeFailed
    /// They were still not taken some time after the log had been sent elsewhere.
    case leftBehind

    package var name: String {
        switch self {
        case .queueFull: "queue_full"
        case .writeFailed: "write_failed"
        case .leftBehind: "left_behind"
        }
    }
}
