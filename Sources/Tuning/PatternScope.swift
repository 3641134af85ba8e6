package import ProxyTypes

/// The origins that a change can matter to: says of each whether it is one. Value.
///
/// Patterns of one host are found by the host, so that a change of thousands of them is asked about as fast as one.
package struct PatternScope: Hashable, Sendable {
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
        wide.sort { $0.closeness < $1.closeness }
    }

    package var isEmpty: Bool { wide.isEmpty && named.isEmpty }

    package func contains(_ origin: Origin) -> Bool {
        if wide.contains(where: { $0.matches(origin) }) { return true }
        guard !named.isEmpty, let own = named[HostPattern.Host(origin)] else { return false }
        return own.contains { $0.matches(origin) }
    }
}

extension SettingChange {
    /// Whose effective values may differ once it is applied.
    package var scope: PatternScope { PatternScope(puts.map(\.key.pattern) + removals.map(\.pattern)) }
}
