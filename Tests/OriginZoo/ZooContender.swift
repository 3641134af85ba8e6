/// The policies that are compared.
package enum ZooContender: String, CaseIterable, Sendable {
    case fixed4 = "fixed 4 s"
    case fixed60 = "fixed 60 s"
    case hint = "hint only"
    case unexplored = "learned, not exploring"
    case learned = "learned"
    case oracle = "oracle"

    package func policy(_ pool: ZooLearnedPolicy.Pool) -> any ZooPolicy {
        switch self {
        case .fixed4: ZooFixedPolicy(4)
        case .fixed60: ZooFixedPolicy(60)
        case .hint: ZooHintPolicy()
        case .unexplored: ZooLearnedPolicy(pool: pool, explores: false)
        case .learned: ZooLearnedPolicy(pool: pool)
        case .oracle: ZooOracle()
        }
    }
}
