package import ProxyTypes

/// What one layer says of a setting, and who said so. Value.
package struct SettingClaim: Hashable, Sendable {
    package let setting: Setting
    package let value: SettingValue
    package let layer: SettingLayer
    /// Whose sheet it stands on; nil: every origin.
    package let pattern: HostPattern?
    package let source: SettingSource
    /// Of overrides and trials, as all that follows. Nil where it is not known.
    package let actor: String?
    package let reason: String?
    /// Milliseconds since 1970, UTC; `expiresAt` too.
    package let time: Int64?
    package let base: SettingValue?
    package let baseSource: String?
    package let expiresAt: Int64?

    init(_ setting: Setting, _ entry: SettingEntry, _ layer: SettingLayer, _ pattern: HostPattern?, _ row: SettingRow?)
    {
        self.setting = setting
        value = entry.value
        self.layer = layer
        self.pattern = pattern
        source = entry.source
        actor = row?.actor ?? entry.actor
        reason = row?.reason ?? entry.reason
        time = row?.time ?? entry.time
        base = row?.base ?? entry.base
        baseSource = row?.baseSource
        expiresAt = row?.expiresAt
    }

    static func standard(_ setting: Setting) -> SettingClaim {
        SettingClaim(setting, SettingEntry(setting.defaultValue, source: .standard), .standard, nil, nil)
    }

    /// As the setting writes it.
    package var text: String { setting.write(value) }
    package var baseText: String? { base.map(setting.write) }

    /// `connd.yaml:12`; nil for what stands in no file.
    package var place: String? {
        guard case .file = source else { return nil }
        return "\(source)"
    }
}

/// One setting as it holds, and why. Value.
package struct ResolvedSetting: Hashable, Sendable {
    package let inForce: SettingClaim
    /// What would win next comes first, or what left the value to the one in force; the default is last.
    package let others: [SettingClaim]
    /// What it comes to where another setting bounds it (`min_idle` above `max_connections`, set for different
    /// patterns); nil where it holds as it is.
    package let boundedTo: SettingValue?

    package var setting: Setting { inForce.setting }
    package var text: String { inForce.text }
    package var boundedText: String? { boundedTo.map(setting.write) }
}

extension SettingLayer {
    /// As the API and the product call it: `default`, `learned`, `file`, `override`, `trial`.
    package var word: String {
        switch self {
        case .standard: "default"
        case .learned: "learned"
        case .file, .filePattern: "file"
        case .override: "override"
        case .trial: "trial"
        }
    }
}

extension SettingBook {
    package func resolved(for origin: Origin) -> [ResolvedSetting] { resolved(in: .origin(origin)) }

    /// What holds for all that the pattern matches, unless a closer one says otherwise; nil: every origin.
    package func resolved(forPattern pattern: HostPattern?) -> [ResolvedSetting] {
        resolved(in: .pattern(pattern ?? .any))
    }

    /// What has the say comes first, though it may leave the value to what was learned; never empty.
    func claims(of setting: Setting, in view: SettingView) -> [SettingClaim] {
        claims(of: setting, on: layers.sheets(in: view))
    }

    private func resolved(in view: SettingView) -> [ResolvedSetting] {
        let sheets = layers.sheets(in: view)
        let bounds = layers.values(in: view).bounds
        return Setting.allCases.map { setting in
            var claims = claims(of: setting, on: sheets)
            let first = claims.remove(at: claims.indexInForce)
            return ResolvedSetting(inForce: first, others: claims, boundedTo: bounds[setting])
        }
    }

    private func claims(of setting: Setting, on sheets: [SettingSheet]) -> [SettingClaim] {
        let given = sheets.compactMap { sheet in
            sheet.entries[setting].map { entry in
                let row = row(SettingKey(layer: sheet.layer, setting: setting, pattern: sheet.pattern))
                return SettingClaim(setting, entry, sheet.layer, sheet.pattern, row)
            }
        }
        return given + [.standard(setting)]
    }
}

extension [SettingClaim] {
    /// Where what has the say comes first: whose value it is that holds.
    var indexInForce: Int {
        guard let first, first.setting.defersToLearned(first.value) else { return 0 }
        return firstIndex { $0.layer == .learned } ?? 0
    }
}

extension SettingValues {
    /// The settings that do not hold as they are, for another bounds them; as `EffectiveSettings` does it.
    fileprivate var bounds: [Setting: SettingValue] {
        let effective = EffectiveSettings(self)
        var bounds: [Setting: SettingValue] = [:]
        if let idle = optionalNumber(.maxIdle), idle != effective.maxIdle {
            bounds[.maxIdle] = .count(effective.maxIdle)
        }
        if number(.minIdle) != effective.minIdle { bounds[.minIdle] = .count(effective.minIdle) }
        if interval(.dnsMaxTTL) != effective.dnsMaxTTL { bounds[.dnsMaxTTL] = .duration(effective.dnsMaxTTL) }
        return bounds
    }
}
