import Foundation
import Glibc

/// The two ways to have a connd read its config file again. Value.
package enum ReloadWay: CaseIterable, Sendable {
    case hangup, companion
}

extension RunningProxy {
    package func rewriteConfig(_ yaml: String) throws {
        try yaml.write(toFile: configPath, atomically: true, encoding: .utf8)
    }

    /// Returns when the new configuration applies; throws if it is refused.
    package func reload(_ yaml: String, by way: ReloadWay = .companion) throws {
        try rewriteConfig(yaml)
        switch way {
        case .companion:
            let run = try connctl("reload")
            guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        case .hangup:
            let before = Self.outcomes(logLines).count
            process.signal(SIGHUP)
            try process.wait(for: "the reload") { Self.outcomes(Self.lines($0)).count > before || $0.hasEnded }
            guard let outcome = Self.outcomes(logLines).last, outcome.contains(" config reloaded ") else {
                throw TestFailure("not reloaded: \(logLines.suffix(5))")
            }
        }
    }

    private static func outcomes(_ lines: [String]) -> [String] {
        lines.filter { $0.contains(" config reloaded ") || $0.contains(" not reloaded ") }
    }

    /// Where it listens, from its status.
    package func listeners(_ member: String = "listeners") throws -> [String] {
        try read("/v1/status")[member].items.compactMap(\.text)
    }

    /// The port of its listener on an address, if it has one.
    package func port(on address: String) throws -> UInt16? {
        try listeners().first { $0.hasPrefix(address + ":") }.flatMap { UInt16($0.dropFirst(address.count + 1)) }
    }
}
