import ArgumentParser

/// The programs of a host that `enable` sends through connd, by how they are told so.
enum ClientKind: String, CaseIterable, ExpressibleByArgument, Sendable {
    case shell, apt, git, services

    /// Those that were named, each once and in the usual order; all where none was.
    static func chosen(_ named: [ClientKind]) -> [ClientKind] {
        named.isEmpty ? allCases : allCases.filter(named.contains)
    }
}
