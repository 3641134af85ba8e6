import Foundation
import GRDB
import ProxyTypes

/// What the store holds in memory of the database, so that a new file can take the place of a lost one. Value.
struct StoreContents: Sendable {
    var settings: [StoredSetting.Key: StoredSetting] = [:]
    var pauses: [Origin: Pause] = [:]
    var ids: [Origin: Int64] = [:]
    var lifetimes: [Origin: Lifetime] = [:]
    /// In which batch of this run an origin was last seen: an order that no clock changes.
    var sightings: [Origin: Int] = [:]
    /// What the last transaction left in the database: no two leave the same.
    var mark: Int64?
    /// What the retention clock said, a minute before the last batch at most.
    var lastTime: Int64?
    var highestConnection: UInt64 = 0
    var runs = RunBook()

    static let highestConnectionFact = "highest_connection"
    static let lastTimeFact = "last_time"
    static let markFact = "mark"

    init() {}

    init(_ db: Database) throws {
        try loadSettings(db)
        try loadHighestConnection(db)
        try loadOrigins(db)
        try PauseRecords.load(into: &pauses, db)
        try RunRecords.load(into: &runs, db)
        lastTime = try Self.fact(Self.lastTimeFact, db)
        mark = try Self.fact(Self.markFact, db)
    }

    /// Those of earlier runs before those of this one.
    func longestUnseen(_ count: Int) -> [Origin] {
        let ranked = lifetimes.map { (origin: $0.key, batch: sightings[$0.key] ?? 0, time: $0.value.lastSeen) }
        return ranked.sorted { ($0.batch, $0.time) < ($1.batch, $1.time) }.prefix(count).map(\.origin)
    }

    private mutating func loadSettings(_ db: Database) throws {
        try SettingRecords.load(into: &settings, db)
    }

    private mutating func loadHighestConnection(_ db: Database) throws {
        highestConnection = UInt64(clamping: try Self.fact(Self.highestConnectionFact, db) ?? 0)
    }

    private mutating func loadOrigins(_ db: Database) throws {
        var origins = OriginRecords.Kept()
        defer { (ids, lifetimes) = (origins.ids, origins.lifetimes) }
        try OriginRecords.load(into: &origins, db)
    }

    /// All that can be read of a damaged file.
    init(salvaging path: String) {
        var configuration = Configuration()
        configuration.readonly = true
        guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return }
        defer { try? queue.close() }
        var found = StoreContents()
        queue.unsafeRead { db in
            try? found.loadSettings(db)
            try? found.loadHighestConnection(db)
            try? found.loadOrigins(db)
            try? PauseRecords.load(into: &found.pauses, db)
            try? RunRecords.load(into: &found.runs, db)
        }
        self = found
        ids = [:]
    }

    /// Of a file whose folder cannot be written either, so that SQLite has no place for its log's index.
    init?(copying file: DatabaseFile) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("connd-\(UUID().uuidString)").path
        let copy = DatabaseFile(path: folder + "/copy.db")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try FileManager.default.copyItem(atPath: file.path, toPath: copy.path)
            if file.bytes(of: "-wal") > 0 {
                try FileManager.default.copyItem(atPath: file.path + "-wal", toPath: copy.path + "-wal")
            }
            let queue = try DatabaseQueue(path: copy.path)
            defer { try? queue.close() }
            self = try queue.unsafeRead { (db: Database) in try StoreContents(db) }
        } catch {
            return nil
        }
    }

    static func fact(_ name: String, _ db: Database) throws -> Int64? {
        try db.number("SELECT value FROM facts WHERE name = ?", [name])
    }

    static func setFact(_ name: String, _ value: Int64, _ db: Database) throws {
        try db.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", [name, value])
    }
}
