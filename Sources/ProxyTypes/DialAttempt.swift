/// One address that a dial tried. Value.
package struct DialAttempt: Hashable, Sendable {
    /// A closed set, used in the API.
    package enum Outcome: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case connected, refused, timedOut, unreachable, failed
        /// Another address had answered.
        case overtaken

        package var name: String {
            switch self {
            case .connected: "connected"
            case .refused: "refused"
            case .timedOut: "timed_out"
            case .unreachable: "unreachable"
            case .failed: "failed"
            case .overtaken: "overtaken"
            }
        }

        /// Reads on after the address.
        package var words: String {
            switch self {
            case .connected: "answered"
            case .refused: "refused"
            case .timedOut: "did not answer"
            case .unreachable: "cannot be reached"
            case .failed: "failed"
            case .overtaken: "had not answered when another did"
            }
        }
    }

    package var address: IPAddress
    /// Microseconds since the first attempt of the dial.
    package var begin: Int64
    /// Microseconds.
    package var duration: Int64
    package var outcome: Outcome
    /// It was tried after all others, as it had failed lately.
    package var wasLastResort: Bool

    package init(
        address: IPAddress, begin: Int64, duration: Int64, outcome: Outcome, wasLastResort: Bool = false
    ) {
        self.address = address
        self.begin = begin
        self.duration = duration
        self.outcome = outcome
        self.wasLastResort = wasLastResort
    }
}
