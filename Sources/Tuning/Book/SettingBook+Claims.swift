extension SettingBook {
    /// All that the file says and all that was set at run time, what wins last within a pattern; without the defaults.
    package var givenClaims: [SettingClaim] {
        layers.allSheets.flatMap { sheet in
            sheet.entries.sorted { $0.key.rawValue < $1.key.rawValue }.map { setting, entry in
                let row = row(SettingKey(layer: sheet.layer, setting: setting, pattern: sheet.pattern))
                return SettingClaim(setting, entry, sheet.layer, sheet.pattern, row)
            }
        }
    }
}
