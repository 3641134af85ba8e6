/// How a run of connd ended. Value.
package enum RunEnd: String, CaseIterable, Hashable, Sendable {
    /// Normally, on request.
    case stopped
    /// It exited with a code other than 0.
    case failed
    /// By a signal.
    case killed
    /// By a signal that its own fault caused, such as SIGSEGV.
    case crashed
    /// The data loop hung.
    case watchdog
    /// It took too long to start or to stop.
    case timeout
    case outOfMemory = "out_of_memory"
    /// Not recorded: for example the power failed, or connd ran without a service manager.
    case unknown
}
