import ProxyTypes

extension SettingOverrides {
    /// For each pattern whose origins' certificates are not verified (unless a more specific pattern overrides it), the
    /// value in force. In the order of the patterns' text. Patterns of http origins, which have no certificates, are
    /// left out.
    package var unverified: [SettingCandidate] {
        var inForce: [HostPattern?: SettingCandidate] = [:]
        for scope in layers.allScopes {
            guard let entry = scope.entries[.tlsVerify], scope.pattern?.scheme != .http else { continue }
            let row = row(SettingKey(layer: scope.layer, setting: .tlsVerify, pattern: scope.pattern))
            inForce[scope.pattern] = SettingCandidate(.tlsVerify, entry, scope.layer, scope.pattern, row)
        }
        return inForce.values.filter { $0.setting.isUnverifying($0.value) }
            .sorted { ($0.pattern?.description ?? "") < ($1.pattern?.description ?? "") }
    }

    /// Every value from the file and every override and trial, without the defaults. Within a pattern, the winner comes
    /// last.
    package var explicitCandidates: [SettingCandidate] {
        layers.allScopes.flatMap { scope in
            scope.entries.sorted { $0.key.rawValue < $1.key.rawValue }.map { setting, entry in
                let row = row(SettingKey(layer: scope.layer, setting: setting, pattern: scope.pattern))
                return SettingCandidate(setting, entry, scope.layer, scope.pattern, row)
            }
        }
    }

    /// What applies to the origins of the pattern unless a more specific one overrides it; nil for every origin.
    package func effective(forPattern pattern: HostPattern?) -> EffectiveSettings {
        EffectiveSettings(layers.values(in: .pattern(pattern ?? .any)))
    }
}
