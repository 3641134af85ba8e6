package import ProxyTypes

/// The value that one layer gives a setting, with its origin: a candidate for the effective value. Value.
package struct SettingCandidate: Hashable, Sendable {
    package let setting: Setting
    package let value: SettingValue
    package let layer: SettingLayer
    /// The pattern of its scope; nil for every origin.
    package let pattern: HostPattern?
    package let source: SettingSource
    /// This and all that follows: for overrides and trials only. Nil where unknown.
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

    static func standard(_ setting: Setting) -> SettingCandidate {
        SettingCandidate(setting, SettingEntry(setting.defaultValue, source: .standard), .standard, nil, nil)
    }

    /// As the setting writes it.
    package var text: String { setting.write(value) }
    package var baseText: String? { base.map(setting.write) }

    /// `connd.yaml:12`; nil for a value that does not come from a file.
    package var place: String? {
        guard case .file = source else { return nil }
        return "\(source)"
    }
}

/// The effective value of one setting, and why it wins. Value.
package struct ResolvedSetting: Hashable, Sendable {
    package let inForce: SettingCandidate
    /// The losing candidates, next in line first; the default is last. Includes a higher `auto` that deferred to the
    /// learned value.
    package let others: [SettingCandidate]
    /// The value it is limited to by another setting (`min_idle` above `max_connections`, set for different patterns);
    /// nil where it applies as it is.
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

extension SettingOverrides {
    package func resolved(for origin: Origin) -> [ResolvedSetting] { resolved(in: .origin(origin)) }

    /// What applies to the origins of the pattern unless a more specific one overrides it; nil for every origin.
    package func resolved(forPattern pattern: HostPattern?) -> [ResolvedSetting] {
        resolved(in: .pattern(pattern ?? .any))
    }

    /// Highest precedence first; that one may defer to a learned value. Never empty.
    func candidates(of setting: Setting, in view: SettingView) -> [SettingCandidate] {
        candidates(of: setting, on: layers.scopes(in: view))
    }

    private func resolved(in view: SettingView) -> [ResolvedSetting] {
        let scopes = layers.scopes(in: view)
        let bounds = layers.values(in: view).bounds
        return Setting.allCases.map { setting in
            var candidates = candidates(of: setting, on: scopes)
            let first = candidates.remove(at: candidates.indexInForce)
            return ResolvedSetting(inForce: first, others: candidates, boundedTo: bounds[setting])
        }
    }

    private func candidates(of setting: Setting, on scopes: [SettingScope]) -> [SettingCandidate] {
        let given = scopes.compactMap { scope in
            scope.entries[setting].map { entry in
                let row = row(SettingKey(layer: scope.layer, setting: setting, pattern: scope.pattern))
                return SettingCandidate(setting, entry, scope.layer, scope.pattern, row)
            }
        }
        return given + [.standard(setting)]
    }
}

extension [SettingCandidate] {
    /// The index of the effective candidate, in an array with the highest precedence first.
    var indexInForce: Int {
        guard let first, first.setting.defersToLearned(first.value) else { return 0 }
        return firstIndex { $0.layer == .learned } ?? 0
    }
}

extension SettingValues {
    /// The settings that another one limits, with the resulting values, as computed by `EffectiveSettings`.
    fileprivate var bounds: [Setting: SettingValue] {
        let effective = EffectiveSettings(self)
        var bounds: [Setting: SettingValue] = [:]
        if let idle = optionalNumber(.maxIdle), idle != effective.maxIdle {
            bounds[.maxIdle] = .count(effective.maxIdle)
        }
        if number(.minIdle) != effective.minIdle { bounds[.minIdle] = .count(effective.minIdle) }
        if interval(.dnsMaxTTL) != effective.dnsMaxTTL { bounds[.dnsMaxTTL] = .duration(effective.dnsMaxTTL) }
        if word(.tlsClientCert) != effective.tlsClientCert { bounds[.tlsClientCert] = .unset }
        if word(.tlsClientKey) != effective.tlsClientKey { bounds[.tlsClientKey] = .unset }
        return bounds
    }
}
