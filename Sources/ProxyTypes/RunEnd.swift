/// How a run of connd ended. Value.
package enum RunEnd: String, CaseIterable, Hashable, Sendable {
    /// In order: it was told to.
    case stopped
    /// It ended itself, with an exit code that is not 0.
    case failed
    /// By a signal.
    case killed
    /// By a signal of its own making, that leaves a core dump.
    case crashed
    /// The data loop was stuck.
    case watchdog
    /// It took too long to start or to stop.
    case timeout
    case outOfMemory = "out_of_memory"
    /// Nothing saw it: the power failed, or nothing keeps connd running.
    case unknown
}
