import AdminModels
import Tuning
import Upstream

/// Which settings cannot be applied on this host, because its kernel does not accept them, or because they name a file
/// that connd cannot use or a host that it may not sign for. They are refused where they are set at run time, and
/// reported where they come from the configuration file or the database, which may have been written on another host.
/// Shared.
final class HostCheck: Sendable {
    private let files = TLSFiles()
    private let interception: InterceptCheck

    init(_ interception: InterceptCheck) {
        self.interception = interception
    }

    /// Of all values that the file, overrides and trials give.
    func objections(to overrides: SettingOverrides) -> [RefusedSettingReport] {
        let candidates = overrides.explicitCandidates
        let pairs = KeyPairs(candidates.map { ($0.setting, $0.pattern) }, in: overrides)
        // Each check opens a socket or a file, and many patterns may have the same value.
        var asked: [Setting: [SettingValue: String?]] = [:]
        return candidates.compactMap { candidate in
            let known = asked[candidate.setting]?[candidate.value]
            let objection = known ?? objection(to: candidate.setting, candidate.value)
            if known == nil { asked[candidate.setting, default: [:]][candidate.value] = .some(objection) }
            let found =
                objection ?? pairs.objection(to: candidate.setting, candidate.value, for: candidate.pattern, files)
                ?? interception.objection(to: candidate.setting, candidate.value, for: candidate.pattern)
            return found.map { RefusedSettingReport(candidate, reason: $0) }
        }
    }

    private func objection(to setting: Setting, _ value: SettingValue) -> String? {
        SocketTuning.objection(to: setting, value) ?? files.objection(to: setting, value)
    }

    /// `index`: the position of a row in the imported document, if the change is an import.
    func check(
        _ change: SettingChange, of overrides: SettingOverrides, index: (SettingRow) -> Int? = { _ in nil }
    ) throws(SettingProblems) {
        var after = overrides
        after.apply(change)
        let pairs = KeyPairs(change.puts.map { ($0.key.setting, $0.key.pattern) }, in: after)
        let problems = change.puts.compactMap { row -> SettingProblem? in
            let setting = row.key.setting
            let found =
                objection(to: setting, row.value)
                ?? pairs.objection(to: setting, row.value, for: row.key.pattern, files)
                ?? interception.objection(to: setting, row.value, for: row.key.pattern)
            return found.map {
                SettingProblem(.setting(setting.name), .wrongValue, "`\(setting.name)`: \($0)", index: index(row))
            }
        }
        if !problems.isEmpty { throw SettingProblems(problems) }
    }
}

/// Whether a key and a certificate that are in force together belong together. An objection is made once: at the key if both
/// are given. Value.
private struct KeyPairs {
    private let overrides: SettingOverrides
    private let patternsWithKey: Set<HostPattern?>

    init(_ given: [(setting: Setting, pattern: HostPattern?)], in overrides: SettingOverrides) {
        self.overrides = overrides
        patternsWithKey = Set(given.filter { $0.setting == .tlsClientKey }.map(\.pattern))
    }

    func objection(to setting: Setting, _ value: SettingValue, for pattern: HostPattern?, _ files: TLSFiles) -> String?
    {
        guard setting == .tlsClientKey || setting == .tlsClientCert && !patternsWithKey.contains(pattern) else {
            return nil
        }
        let settings = overrides.effective(forPattern: pattern)
        guard let key = settings.tlsClientKey, let certificate = settings.tlsClientCert,
            // Another value of the pattern has precedence.
            value == .word(setting == .tlsClientKey ? key : certificate)
        else { return nil }
        return files.objection(toKey: key, of: certificate)
    }
}

extension RefusedSettingReport {
    init(_ candidate: SettingCandidate, reason: String) {
        let resolved = ResolvedSettingReport(candidate)
        self.init()
        setting = resolved.name
        value = resolved.value
        source = resolved.source
        place = resolved.place
        self.reason = reason
    }

    var text: String { "\(setting)=\(value) (\(place ?? source)): \(reason)" }
}
