import AdminModels
import Logging
import ProxyTypes
import Tuning

/// Settings in the API's terms.
extension SettingDefinitionReport {
    init(_ definition: SettingDefinition) {
        self.init()
        name = definition.name
        standard = definition.kind.write(definition.defaultValue)
        allowed = definition.kind.allowed
        kind = definition.kind.word
        if case .choice(let words) = definition.kind { choices = words }
        unit = definition.kind.unit
        effect = definition.effect.rawValue
        help = definition.help
        if case .notYet(let needs) = definition.availability { self.needs = needs }
    }
}

extension SettingKind {
    fileprivate var word: String {
        switch self {
        case .count, .countOrUnset: "count"
        case .percent: "percent"
        case .duration, .durationOrUnset: "duration"
        case .size: "size"
        case .flag: "flag"
        case .choice: "choice"
        case .keepalive: "keepalive"
        case .addresses: "addresses"
        case .name: "name"
        case .path: "path"
        case .host: "host"
        case .pins: "pins"
        case .clients: "clients"
        }
    }
}

extension ResolvedSettingReport {
    init(_ resolved: ResolvedSetting) {
        let candidate = resolved.inForce
        self.init(candidate)
        value = resolved.boundedText ?? candidate.text
        valueMs = (resolved.boundedTo ?? candidate.value).milliseconds
    }

    init(_ candidate: SettingCandidate) {
        self.init()
        name = candidate.setting.name
        value = candidate.text
        valueMs = candidate.value.milliseconds
        source = candidate.layer.word
        let isSet = candidate.layer == .override || candidate.layer == .trial
        place = candidate.place ?? (isSet ? candidate.pattern?.description ?? "*" : nil)
        actor = candidate.actor
        reason = candidate.reason
        time = candidate.time.map(APIFormat.time)
        timeMs = candidate.time
        base = candidate.baseText
        expires = candidate.expiresAt.map(APIFormat.time)
        expiresMs = candidate.expiresAt
    }
}

extension UnverifiedReport {
    init(_ candidate: SettingCandidate) {
        let resolved = ResolvedSettingReport(candidate)
        self.init()
        pattern = candidate.pattern?.description ?? "*"
        source = resolved.source
        place = candidate.place
        actor = resolved.actor
        reason = resolved.reason
        time = resolved.time
        timeMs = resolved.timeMs
        expires = resolved.expires
        expiresMs = resolved.expiresMs
    }

    var text: String {
        "the certificates of \(pattern == "*" ? "origins" : pattern) are not verified: tls_verify=none "
            + "(\(place ?? source))" + (reason.map { ", \($0)" } ?? "")
    }

    static func log(_ unverified: [SettingCandidate], _ logger: Logger) {
        for candidate in unverified {
            let report = UnverifiedReport(candidate)
            logger.warning(
                "certificates are not verified",
                metadata: [
                    "origins": "\(report.pattern)", "source": "\(report.place ?? report.source)",
                    "actor": "\(report.actor ?? "-")", "reason": "\(report.reason ?? "-")",
                ])
        }
    }
}

extension SettingValue {
    fileprivate var milliseconds: Int64? {
        guard case .duration(let interval) = self else { return nil }
        return interval.wholeMilliseconds
    }
}

extension DifferenceReport {
    init(_ row: SettingRow, inherited: SettingCandidate, isConflict: Bool) {
        self.init()
        let setting = row.key.setting
        pattern = row.key.pattern?.description ?? "*"
        self.setting = setting.name
        source = row.key.layer.word
        value = setting.write(row.value)
        self.inherited = inherited.text
        inheritedSource = inherited.place ?? inherited.layer.word
        base = setting.write(row.base)
        baseSource = row.baseSource
        conflict = isConflict
        actor = row.actor
        reason = row.reason
        time = APIFormat.time(row.time)
        timeMs = row.time
        expires = row.expiresAt.map(APIFormat.time)
        expiresMs = row.expiresAt
    }

    init(_ difference: SettingDifference) {
        self.init(difference.row, inherited: difference.without, isConflict: difference.conflict != nil)
    }
}

extension SettingInput {
    /// Nil for null.
    init?(_ value: SettingsPatch.Value) {
        switch value {
        case .null: return nil
        case .text(let text): self = .text(text)
        case .integer(let number): self = .integer(number)
        case .flag(let flag): self = .flag(flag)
        case .list(let list): self = .list(list)
        }
    }
}

extension FieldProblem {
    init(_ problem: SettingProblem) {
        let base = problem.index.map { "/overrides/\($0)" }
        let pointer: String
        switch problem.field {
        case .setting(let name): pointer = base.map { "\($0)/value" } ?? "/settings/\(JSONText.pointerToken(name))"
        case .pattern: pointer = base.map { "\($0)/pattern" } ?? ""
        case .reason: pointer = "\(base ?? "")/reason"
        case .tryFor: pointer = "/try_for"
        case .actor, .edit: pointer = base ?? ""
        }
        self.init(pointer: pointer, detail: problem.text)
    }
}
