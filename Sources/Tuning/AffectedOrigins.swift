package import ProxyTypes

/// The origins that a change may affect: those that match one of its patterns. Value.
///
/// Patterns of a single host are looked up by that host, so that `contains` is fast for thousands of them too.
package struct AffectedOrigins: Hashable, Sendable {
    private var wide: [HostPattern] = []
    private var named: [HostPattern.Host: [HostPattern]] = [:]

    /// A nil pattern stands for every origin.
    package init(_ patterns: some Sequence<HostPattern?>) {
        for pattern in Set(patterns.map { $0 ?? .any }) {
            switch pattern.host {
            case .any, .below: wide.append(pattern)
            case .name, .address: named[pattern.host, default: []].append(pattern)
            }
        }
        wide.sort { $0.specificity < $1.specificity }
    }

    package var isEmpty: Bool { wide.isEmpty && named.isEmpty }

    package func contains(_ origin: Origin) -> Bool {
        if wide.contains(where: { $0.matches(origin) }) { return true }
        guard !named.isEmpty, let own = named[HostPattern.Host(origin)] else { return false }
        return own.contains { $0.matches(origin) }
    }
}

extension SettingChange {
    /// Origins whose effective settings may change when it is applied.
    package var affectedOrigins: AffectedOrigins { AffectedOrigins(puts.map(\.key.pattern) + removals.map(\.pattern)) }
}
