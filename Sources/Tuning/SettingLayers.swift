package import ProxyTypes

/// Says which value of a setting holds for an origin. Value.
///
///     trial > override > file (host pattern) > file > learned > default
///
/// Within a layer the closest pattern wins, for each setting by itself: what it leaves open comes from the next one.
package struct SettingLayers: Hashable, Sendable {
    private struct Sheet: Hashable, Sendable {
        let layer: SettingLayer
        /// Nil: every origin.
        let pattern: HostPattern?
        var entries: [Setting: SettingEntry]

        func comes(before other: Sheet) -> Bool {
            if layer != other.layer { return layer < other.layer }
            guard let closeness = pattern?.closeness else { return other.pattern != nil }
            return other.pattern.map { closeness < $0.closeness } ?? false
        }
    }

    /// What wins comes last.
    private var sheets: [Sheet] = []

    /// Defaults alone.
    package init() {}

    /// For every origin, or for those that the pattern matches. The entry's source says into which layer.
    package mutating func set(_ setting: Setting, to entry: SettingEntry, for pattern: HostPattern? = nil) {
        let layer = Self.layer(of: entry.source, pattern)
        if let index = sheets.firstIndex(where: { $0.layer == layer && $0.pattern == pattern }) {
            sheets[index].entries[setting] = entry
            return
        }
        let sheet = Sheet(layer: layer, pattern: pattern, entries: [setting: entry])
        sheets.insert(sheet, at: sheets.firstIndex { sheet.comes(before: $0) } ?? sheets.endIndex)
    }

    package mutating func remove(_ setting: Setting, from layer: SettingLayer, for pattern: HostPattern? = nil) {
        guard let index = sheets.firstIndex(where: { $0.layer == layer && $0.pattern == pattern }) else { return }
        sheets[index].entries[setting] = nil
        if sheets[index].entries.isEmpty { sheets.remove(at: index) }
    }

    /// A nil origin asks what holds where no pattern matches.
    package func entry(of setting: Setting, for origin: Origin?) -> SettingEntry {
        for sheet in sheets.reversed() {
            if let entry = sheet.entries[setting], Self.applies(sheet, to: origin) { return entry }
        }
        return SettingEntry(setting.defaultValue, source: .standard)
    }

    package func source(of setting: Setting, for origin: Origin?) -> SettingSource {
        entry(of: setting, for: origin).source
    }

    /// What the file says for this very pattern, whatever wins for the origins that it matches.
    package func fileSource(of setting: Setting, for pattern: HostPattern) -> SettingSource? {
        sheets.first { $0.layer == .filePattern && $0.pattern == pattern }?.entries[setting]?.source
    }

    package func values(for origin: Origin?) -> SettingValues {
        var values = SettingValues()
        for sheet in sheets where Self.applies(sheet, to: origin) {
            for (setting, entry) in sheet.entries { values[setting] = entry.value }
        }
        return values
    }

    package func effective(for origin: Origin?) -> EffectiveSettings {
        EffectiveSettings(values(for: origin))
    }

    private static func applies(_ sheet: Sheet, to origin: Origin?) -> Bool {
        guard let pattern = sheet.pattern else { return true }
        return origin.map { pattern.matches($0) } ?? false
    }

    private static func layer(of source: SettingSource, _ pattern: HostPattern?) -> SettingLayer {
        switch source {
        case .standard: .standard
        case .learned: .learned
        case .file: pattern == nil ? .file : .filePattern
        case .override: .override
        case .trial: .trial
        }
    }
}
