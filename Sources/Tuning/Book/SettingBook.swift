package import ProxyTypes

/// Holds what the file says and what was set while connd ran, and works out edits of it. It keeps nothing on disk,
/// reads no clock and applies nothing by itself. Value.
///
/// Trials end by the clock that cannot be set. Rows of an earlier run have only the wall clock's word.
///
///     change = try book.edit(…)     what would be kept, and its audit; the book is as it was
///     store it                      durable, or the change is dropped
///     book.apply(change)            now it holds
///
/// Whoever owns the book works out the next change after the last one was applied or dropped.
package struct SettingBook: Sendable {
    package static let maxRows = 10_000
    package static let maxActorBytes = 100
    package static let maxReasonBytes = 500
    package static let trialLengths = Interval.seconds(1)...Interval.hours(24)

    /// What holds below overrides and trials.
    package internal(set) var file: SettingLayers
    /// All of it together.
    package private(set) var layers: SettingLayers
    /// Grows with each applied change; a new book begins where it is told to.
    package private(set) var revision: UInt64
    private var rows: [SettingKey: SettingRow] = [:]
    /// Of every trial.
    private var ends: [SettingKey: Instant] = [:]

    /// Rows are taken however many they are, and trials that have run out too: `expire` tells of them.
    package init(file: SettingLayers, rows: [SettingRow], now: Moment, revision: UInt64 = 1) {
        self.revision = revision
        self.file = file
        for row in rows where row.key.layer == .override || row.key.layer == .trial { self.rows[row.key] = row }
        ends = Self.ends(of: rows, now: now)
        layers = file
        composeLayers()
    }

    /// After it was made durable.
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

    /// When the next trial ends by itself.
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

extension SettingBook {
    /// What holds for the pattern itself below overrides and trials: what the file says for it, else for the next wider
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
extension SettingBook {
    /// Of rows that an earlier run kept. A clock that was set back meanwhile makes no trial longer than it was meant to be.
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

    /// A trial that lost its end has run out.
    private static let longAgo = Instant(nanoseconds: .min)

    /// The wall clock was set under trials: what is kept of them, for people and for the next run, follows it. Empty where
    /// it was not.
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

    /// Milliseconds: less is how clocks are kept in step.
    private static let unnoticedStep: Int64 = 1000
}
