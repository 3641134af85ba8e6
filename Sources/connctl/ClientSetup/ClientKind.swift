import ArgumentParser

/// The kinds of programs that `enable` configures.
enum ClientKind: String, CaseIterable, ExpressibleByArgument, Sendable {
    case shell, apt, git, services

    /// The named kinds without duplicates, in the standard order; all if none was named.
    static func chosen(_ named: [ClientKind]) -> [ClientKind] {
        named.isEmpty ? allCases : allCases.filter(named.contains)
    }
}
