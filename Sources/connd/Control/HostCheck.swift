import AdminModels
import Tuning
import Upstream

/// Which settings cannot be applied on this host, because its kernel does not accept them or because they name a file
/// that connd cannot use: refused where they are set at run time, reported where they come from the configuration file
/// or the database, which may have been written on another host.
enum HostCheck {
    static func objections(to candidates: [SettingCandidate]) -> [RefusedSettingReport] {
        // Each check needs a socket or a file, and many patterns may have the same value.
        var asked: [Setting: [SettingValue: String?]] = [:]
        return candidates.compactMap { candidate in
            let known = asked[candidate.setting]?[candidate.value]
            let objection = known ?? objection(to: candidate.setting, candidate.value)
            if known == nil { asked[candidate.setting, default: [:]][candidate.value] = .some(objection) }
            return objection.map { RefusedSettingReport(candidate, reason: $0) }
        }
    }

    private static func objection(to setting: Setting, _ value: SettingValue) -> String? {
        SocketTuning.objection(to: setting, value) ?? TLSFiles.objection(to: setting, value)
    }

    /// `index`: the position of a row in the imported document, if the change is an import.
    static func check(_ change: SettingChange, index: (SettingRow) -> Int? = { _ in nil }) throws(SettingProblems) {
        let problems = change.puts.compactMap { row -> SettingProblem? in
            let setting = row.key.setting
            return objection(to: setting, row.value).map {
                SettingProblem(.setting(setting.name), .wrongValue, "`\(setting.name)`: \($0)", index: index(row))
            }
        }
        if !problems.isEmpty { throw SettingProblems(problems) }
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
