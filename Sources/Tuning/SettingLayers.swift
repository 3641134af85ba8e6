package import ProxyTypes

/// Says which value of a setting holds for an origin. Value.
///
///     trial > override > file (host pattern) > file > learned > default
///
/// Within a layer the closest pattern wins, for each setting by itself: what it leaves open comes from the next one. The
/// `auto` of a setting that can be learned leaves it open too, but to what was learned alone.
package struct SettingLayers: Hashable, Sendable {
    /// For every origin, `*` and `*.example.com`: few, and each looked at for every origin. What wins comes last.
    private var wide: [SettingSheet] = []
    /// For one name or address, which may be as many as there are origins. What wins comes last.
    private var named: [HostPattern.Host: [SettingSheet]] = [:]

    /// Defaults alone.
    package init() {}

    /// For every origin, or for those that the pattern matches. The entry's source says into which layer.
    package mutating func set(_ setting: Setting, to entry: SettingEntry, for pattern: HostPattern? = nil) {
        let sheet = SettingSheet(Self.layer(of: entry.source, pattern), pattern)
        if let host = Self.ownHost(of: pattern) {
            Self.put(setting, entry, sheet, in: &named[host, default: []])
        } else {
            Self.put(setting, entry, sheet, in: &wide)
        }
    }

    package mutating func remove(_ setting: Setting, from layer: SettingLayer, for pattern: HostPattern? = nil) {
        let sheet = SettingSheet(layer, pattern)
        if let host = Self.ownHost(of: pattern) {
            Self.remove(setting, sheet, from: &named[host, default: []])
            if named[host]?.isEmpty == true { named[host] = nil }
        } else {
            Self.remove(setting, sheet, from: &wide)
        }
    }

    /// A nil origin asks what holds where no pattern matches.
    package func entry(of setting: Setting, for origin: Origin?) -> SettingEntry {
        entry(of: setting, in: Self.view(of: origin))
    }

    package func source(of setting: Setting, for origin: Origin?) -> SettingSource {
        entry(of: setting, for: origin).source
    }

    /// What the file says for this very pattern, whatever wins for the origins that it matches.
    package func fileSource(of setting: Setting, for pattern: HostPattern) -> SettingSource? {
        let sheets = Self.ownHost(of: pattern).map { named[$0] ?? [] } ?? wide
        return sheets.first { $0.layer == .filePattern && $0.pattern == pattern }?.entries[setting]?.source
    }

    package func values(for origin: Origin?) -> SettingValues {
        values(in: Self.view(of: origin))
    }

    package func effective(for origin: Origin?) -> EffectiveSettings {
        EffectiveSettings(values(for: origin))
    }
}

extension SettingLayers {
    static func view(of origin: Origin?) -> SettingView { origin.map { .origin($0) } ?? .nowhere }

    func values(in view: SettingView) -> SettingValues {
        var values = SettingValues()
        var learned: [Setting: SettingValue] = [:]
        visit(view) { sheet in
            for (setting, entry) in sheet.entries {
                let value = setting.defersToLearned(entry.value) ? learned[setting] ?? entry.value : entry.value
                values[setting] = value
                if sheet.layer == .learned { learned[setting] = value }
            }
        }
        return values
    }

    func entry(of setting: Setting, in view: SettingView) -> SettingEntry {
        var found: SettingEntry?
        var learned: SettingEntry?
        visit(view) { sheet in
            guard let entry = sheet.entries[setting] else { return }
            found = setting.defersToLearned(entry.value) ? learned ?? entry : entry
            if sheet.layer == .learned { learned = found }
        }
        return found ?? SettingEntry(setting.defaultValue, source: .standard)
    }

    /// All that have a say in the view; what wins comes first.
    func sheets(in view: SettingView) -> [SettingSheet] {
        var sheets: [SettingSheet] = []
        visit(view) { sheets.append($0) }
        return sheets.reversed()
    }

    /// What wins comes last within a pattern, and no other order is certain.
    var allSheets: [SettingSheet] { wide + named.values.joined() }

    /// What wins comes last.
    private func visit(_ view: SettingView, _ body: (SettingSheet) -> Void) {
        let own = named.isEmpty ? nil : view.host.flatMap { named[$0] }
        guard let own else {
            for sheet in wide where view.sees(sheet) { body(sheet) }
            return
        }
        var next = own.startIndex
        for sheet in wide where view.sees(sheet) {
            while next < own.endIndex, own[next].comes(before: sheet) {
                if view.sees(own[next]) { body(own[next]) }
                next += 1
            }
            body(sheet)
        }
        for sheet in own[next...] where view.sees(sheet) { body(sheet) }
    }

    private static func ownHost(of pattern: HostPattern?) -> HostPattern.Host? {
        switch pattern?.host {
        case nil, .any, .below: nil
        case .name, .address: pattern?.host
        }
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

    /// The index of the sheet, or where it belongs.
    private static func place(of sheet: SettingSheet, in sheets: [SettingSheet]) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = sheets.count
        while low < high {
            let middle = (low + high) / 2
            if sheets[middle].comes(before: sheet) { low = middle + 1 } else { high = middle }
        }
        return (low, low < sheets.count && !sheet.comes(before: sheets[low]))
    }

    private static func put(
        _ setting: Setting, _ entry: SettingEntry, _ sheet: SettingSheet, in sheets: inout [SettingSheet]
    ) {
        let (index, isThere) = place(of: sheet, in: sheets)
        if !isThere { sheets.insert(sheet, at: index) }
        sheets[index].entries[setting] = entry
    }

    private static func remove(_ setting: Setting, _ sheet: SettingSheet, from sheets: inout [SettingSheet]) {
        let (index, isThere) = place(of: sheet, in: sheets)
        guard isThere else { return }
        sheets[index].entries[setting] = nil
        if sheets[index].entries.isEmpty { sheets.remove(at: index) }
    }
}
