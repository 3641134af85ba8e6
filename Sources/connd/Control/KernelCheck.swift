import AdminModels
import Tuning
import Upstream

/// Which settings the kernel of this host does not take: refused where they are set at run time, told where they come from a
/// file or a database, which may have been written on another host.
enum KernelCheck {
    static func objections(to claims: [SettingClaim]) -> [RefusedSettingReport] {
        // Many patterns may say the same, and each question takes a socket.
        var asked: [Setting: [SettingValue: String?]] = [:]
        return claims.compactMap { claim in
            let known = asked[claim.setting]?[claim.value]
            let objection = known ?? SocketTuning.objection(to: claim.setting, claim.value)
            if known == nil { asked[claim.setting, default: [:]][claim.value] = .some(objection) }
            return objection.map { RefusedSettingReport(claim, reason: $0) }
        }
    }

    /// `index`: of an import's element.
    static func check(_ change: SettingChange, index: (SettingRow) -> Int? = { _ in nil }) throws(SettingProblems) {
        let problems = change.puts.compactMap { row -> SettingProblem? in
            let setting = row.key.setting
            return SocketTuning.objection(to: setting, row.value).map {
                SettingProblem(.setting(setting.name), .wrongValue, "`\(setting.name)`: \($0)", index: index(row))
            }
        }
        if !problems.isEmpty { throw SettingProblems(problems) }
    }
}

extension RefusedSettingReport {
    init(_ claim: SettingClaim, reason: String) {
        let resolved = ResolvedSettingReport(claim)
        self.init()
        setting = resolved.name
        value = resolved.value
        source = resolved.source
        place = resolved.place
        self.reason = reason
    }

    var text: String { "\(setting)=\(value) (\(place ?? source)): \(reason)" }
}
