/// Why a connection is dialled. It may be granted to another request than the one it was dialled for.
package enum DialCause: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// For a waiting request that any connection can serve.
    case demand
    /// Ahead of any request: for `min_idle`, or on an operator's order.
    case warmUp
    /// For a waiting retry, which needs a connection that has served no request yet.
    case replacement

    package var name: String {
        switch self {
        case .demand: "demand"
        case .warmUp: "warm_up"
        case .replacement: "replacement"
        }
    }
}
