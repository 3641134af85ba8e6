import GRDB
import Tuning

/// A stored setting, as texts, which a later version may have written. Value.
struct StoredSetting: Hashable, Sendable {
    struct Key: Hashable, Sendable {
        let layer: String
        let pattern: String
        let setting: String
    }

    let key: Key
    var value: String
    var actor: String
    var reason: String?
    var time: Int64
    var baseValue: String
    var baseSource: String
    var expiresAt: Int64?
}

extension StoredSetting.Key {
    init(_ key: SettingKey) {
        layer = Self.text(of: key.layer)
        pattern = (key.pattern ?? .any).description
        setting = key.setting.name
    }

    private static func text(of layer: SettingLayer) -> String {
        switch layer {
        case .standard: "default"
        case .learned: "learned"
        case .file: "file"
        case .filePattern: "file_pattern"
        case .override: "override"
        case .trial: "trial"
        }
    }
}

extension StoredSetting {
    init(_ row: SettingRow) {
        let setting = row.key.setting
        key = Key(row.key)
        value = setting.write(row.value)
        actor = row.actor
        reason = row.reason
        time = row.time
        baseValue = setting.write(row.base)
        baseSource = row.baseSource
        expiresAt = row.expiresAt
    }

    /// The parsed row; a failure says why this version cannot read it.
    func read() -> Result<SettingRow, UnreadableSetting> {
        func unreadable(_ why: String) -> Result<SettingRow, UnreadableSetting> {
            .failure(
                UnreadableSetting(
                    message: "the kept setting \(key.setting) of \(key.pattern) (\(key.layer)) is not applied: \(why)"))
        }
        let layer: SettingLayer
        switch key.layer {
        case "override": layer = .override
        case "trial": layer = .trial
        default: return unreadable("its layer is unknown")
        }
        guard let setting = Setting(name: key.setting) else { return unreadable("this version has no such setting") }
        guard let pattern = try? HostPattern(parsing: key.pattern) else { return unreadable("its pattern is invalid") }
        do {
            let known = try setting.read(.text(value))
            if let missing = setting.missing(for: known) { return unreadable("it \(missing)") }
            let row = SettingRow(
                key: SettingKey(layer: layer, setting: setting, pattern: pattern), value: known, actor: actor,
                reason: reason, time: time,
                // The base is for display: a value that is no longer allowed does no harm.
                base: (try? setting.read(.text(baseValue))) ?? setting.defaultValue, baseSource: baseSource,
                expiresAt: expiresAt)
            return .success(row)
        } catch {
            return unreadable("it \(error)")
        }
    }
}

struct UnreadableSetting: Error {
    let message: String
}

/// Writes and reads overrides and trials, and the audit trail.
enum SettingRecords {
    private static let columns = [
        "layer", "pattern", "setting", "value", "actor", "reason", "time", "base_value", "base_source", "expires_at",
    ]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "settings", columns)
    private static let all = "SELECT \(columns.joined(separator: ", ")) FROM settings"

    static func put(_ row: StoredSetting, _ db: Database) throws {
        try db.run(
            put,
            [
                row.key.layer, row.key.pattern, row.key.setting, row.value, row.actor, row.reason, row.time,
                row.baseValue, row.baseSource, row.expiresAt,
            ])
    }

    static func remove(_ key: StoredSetting.Key, _ db: Database) throws {
        try db.run(
            "DELETE FROM settings WHERE layer = ? AND pattern = ? AND setting = ?",
            [key.layer, key.pattern, key.setting])
    }

    /// On an error, rows read so far stay in `found`.
    static func load(into found: inout [StoredSetting.Key: StoredSetting], _ db: Database) throws {
        let rows = try Row.fetchCursor(db, sql: all)
        while let row = try rows.next() {
            let key = StoredSetting.Key(layer: row[0], pattern: row[1], setting: row[2])
            found[key] = StoredSetting(
                key: key, value: row[3], actor: row[4], reason: row[5], time: row[6], baseValue: row[7],
                baseSource: row[8], expiresAt: row[9])
        }
    }

    /// Replaces all rows of the table.
    static func replace(with settings: [StoredSetting.Key: StoredSetting], _ db: Database) throws {
        try db.run("DELETE FROM settings")
        for row in settings.values { try put(row, db) }
    }
}

enum AuditRecords {
    private static let columns = ["time", "actor", "action", "subject", "setting", "before", "after", "reason"]
    private static let insert = SQLText.insert(into: "audit", columns)

    static func add(_ entry: AuditEntry, _ db: Database) throws {
        try db.run(
            insert,
            [
                entry.time, entry.actor, entry.action.rawValue, entry.subject, entry.setting?.name, entry.before,
                entry.after, entry.reason,
            ])
    }

    /// The subject that earlier versions wrote for everything.
    private static let blank = ""

    private static func subject(_ kept: String) -> String { kept == blank ? AuditEntry.everything : kept }

    /// The spellings under which `subject` may be stored.
    static func subjects(_ subject: String) -> [String] {
        subject == AuditEntry.everything ? [subject, blank] : [subject]
    }

    static func page(_ filter: RowFilter, _ db: Database) throws -> RecordPage<AuditEntry> {
        try filter.page("SELECT id, \(columns.joined(separator: ", ")) FROM audit", id: "id", db) { row in
            guard let action = AuditEntry.Action(rawValue: row[3]) else { return nil }
            return AuditEntry(
                time: row[1], actor: row[2], action: action, subject: subject(row[4]),
                setting: (row[5] as String?).flatMap { Setting(name: $0) }, before: row[6], after: row[7],
                reason: row[8])
        }
    }
}
