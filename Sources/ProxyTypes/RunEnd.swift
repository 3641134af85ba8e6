/// How a run of connd ended. Value.
package enum RunEnd: String, CaseIterable, Hashable, Sendable {
    /// In order, on request.
    case stopped
    /// It exited with a code other than 0.
    case failed
    /// By a signal.
    case killed
    /// By a signal that it caused itself, with a core dump.
    case crashed
    /// The data loop hung.
    case watchdog
    /// It took too long to start or to stop.
    case timeout
    case outOfMemory = "out_of_memory"
    /// Nothing recorded it: power failed, or connd ran without a service manager.
    case unknown
}
