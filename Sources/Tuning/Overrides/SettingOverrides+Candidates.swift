extension SettingOverrides {
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
}
