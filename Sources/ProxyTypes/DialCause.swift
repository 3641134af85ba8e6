/// Why a connection is dialled. Another request than the one it was dialled for may be granted it.
package enum DialCause: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// A request waits that takes any connection.
    case demand
    /// No request yet: `min_idle`, or an order to dial ahead.
    case warmUp
    /// A retry waits, which needs a connection that has served no request.
    case replacement

    package var name: String {
        switch self {
        case .demand: "demand"
        case .warmUp: "warm_up"
        case .replacement: "replacement"
        }
    }
}
