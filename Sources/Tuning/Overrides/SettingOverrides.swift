package import ProxyTypes

/// Holds the overrides and trials over the layers of the config file, and computes edits of them. It stores nothing,
/// reads no clock, and applies nothing by itself. Value.
///
/// The end of a trial is an `Instant`. Rows of an earlier run only have a wall clock time, from which it is computed.
///
///     change = try overrides.edit(…)     the rows and audit entries to store; nothing has changed yet
///     store the change                   durable, or dropped
///     overrides.apply(change)            in force
///
/// The owner computes the next change after the previous one was applied or dropped.
package struct SettingOverrides: Sendable {
    package static let maxRows = 10_000
    package static let maxActorBytes = 100
    package static let maxReasonBytes = 500
    package static let trialLengths = Interval.seconds(1)...Interval.hours(24)

    /// The layers of the config file, below overrides and trials.
    package internal(set) var file: SettingLayers
    /// The file's layers with all overrides and trials.
    package private(set) var layers: SettingLayers
    /// Increases with each applied change.
    package private(set) var revision: UInt64
    private var rows: [SettingKey: SettingRow] = [:]
    /// The end of each trial.
    private var ends: [SettingKey: Instant] = [:]

    /// Takes all rows, even beyond `maxRows`, and expired trials too, which `expire` then removes.
    package init(file: SettingLayers, rows: [SettingRow], now: Moment, revision: UInt64 = 1) {
        self.revision = revision
        self.file = file
        for row in rows where row.key.layer == .override || row.key.layer == .trial { self.rows[row.key] = row }
        ends = Self.ends(of: rows, now: now)
        layers = file
        composeLayers()
    }

    /// To be called after the change was made durable.
    package mutating func apply(_ change: SettingChange) {
        guard !change.isEmpty else { return }
        for key in change.removals {
            rows[key] = nil
            ends[key] = nil
            layers.remove(key.setting, from: key.layer, for: key.pattern)
        }
        for row in change.puts {
            rows[row.key] = row
            if row.key.layer == .trial { ends[row.key] = change.ends[row.key] ?? Self.longAgo }
            layers.set(row.key.setting, to: Self.entry(row), for: row.key.pattern)
        }
        revision += 1
    }

    package mutating func apply(_ reload: ReloadReport) {
        guard reload.file != file else { return }
        file = reload.file
        composeLayers()
        revision += 1
    }

    package var rowCount: Int { rows.count }

    package func row(_ key: SettingKey) -> SettingRow? { rows[key] }

    /// Every override and trial, in the order of their patterns' text, settings, and layers.
    package func exportRows() -> [SettingRow] {
        let texts = Dictionary(uniqueKeysWithValues: Set(rows.keys.map(\.pattern)).map { ($0, $0?.description ?? "") })
        return rows.values.map { (text: texts[$0.key.pattern] ?? "", row: $0) }.sorted { a, b in
            (a.text, a.row.key.setting.rawValue, a.row.key.layer)
                < (b.text, b.row.key.setting.rawValue, b.row.key.layer)
        }.map(\.row)
    }

    /// When the next trial expires.
    package var nextExpiry: Instant? { ends.values.min() }

    private mutating func composeLayers() {
        layers = file
        for row in rows.values { layers.set(row.key.setting, to: Self.entry(row), for: row.key.pattern) }
    }

    private static func entry(_ row: SettingRow) -> SettingEntry {
        SettingEntry(
            row.value, source: row.key.layer == .trial ? .trial : .override, actor: row.actor, reason: row.reason,
            time: row.time, base: row.base)
    }
}

extension SettingOverrides {
    /// What applies to the pattern below overrides and trials: from the file for this pattern, else for the next wider
    /// pattern, else for every origin, else what was learned, else the default.
    package func base(of setting: Setting, for pattern: HostPattern?) -> SettingEntry {
        file.entry(of: setting, in: .pattern(pattern ?? .any))
    }

    /// In the order of the settings.
    func trials(of pattern: HostPattern?) -> [SettingRow] {
        Setting.allCases.compactMap { row(SettingKey(layer: .trial, setting: $0, pattern: pattern)) }
    }
}

/// When trials end.
extension SettingOverrides {
    /// Of rows stored by an earlier run. A clock that was set back meanwhile does not prolong a trial.
    package static func ends(of rows: [SettingRow], now: Moment) -> [SettingKey: Instant] {
        var ends: [SettingKey: Instant] = [:]
        for row in rows where row.key.layer == .trial {
            guard let expiresAt = row.expiresAt else {
                ends[row.key] = longAgo
                continue
            }
            let length = Moment(wall: row.time, instant: now.instant).instant(atWall: expiresAt)
            ends[row.key] = min(now.instant(atWall: expiresAt), length, now.instant + trialLengths.upperBound)
        }
        return ends
    }

    func end(of trial: SettingKey) -> Instant { ends[trial] ?? Self.longAgo }

    /// The end of a trial whose end is unknown: it has expired.
    private static let longAgo = Instant(nanoseconds: .min)

    /// After a change of the wall clock: moves the stored times of trials, so that they still tell the real end. Empty
    /// where the clock was not changed.
    package func followingClock(_ now: Moment) -> SettingChange {
        var change = SettingChange()
        for (key, end) in ends {
            guard var row = row(key), let expiresAt = row.expiresAt else { continue }
            let (step, overflow) = now.wall(at: end).subtractingReportingOverflow(expiresAt)
            guard !overflow, step.magnitude > Self.unnoticedStep else { continue }
            row.expiresAt = expiresAt + step
            row.time &+= step
            change.puts.append(row)
            change.ends[key] = end
        }
        return change
    }

    /// In milliseconds. Smaller steps are ordinary clock synchronisation.
    private static let unnoticedStep: Int64 = 1000
}
