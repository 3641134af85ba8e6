import Foundation
import GRDB
import Metering
import ProxyTypes

/// The part of the database that is also held in memory, so that a lost file can be replaced. Value.
struct StoreContents: Sendable {
    var settings: [StoredSetting.Key: StoredSetting] = [:]
    var pauses: [Origin: Pause] = [:]
    var gateways: [String: StoredGateway] = [:]
    var ids: [Origin: Int64] = [:]
    var lifetimes: [Origin: Lifetime] = [:]
    var learned: [Origin: LearnedLimit] = [:]
    /// The batch in which each origin was last seen: an order independent of the clock.
    var sightings: [Origin: Int] = [:]
    /// The mark of the last transaction; unique.
    var mark: Int64?
    /// The time of the retention clock, at most a minute before the last batch.
    var lastTime: Int64?
    var highestConnection: UInt64 = 0
    var runs = RunHistory()

    /// What was set and ordered at run time; all else is measured.
    struct Orders: Equatable {
        let settings: [StoredSetting.Key: StoredSetting]
        let pauses: [Origin: Pause]
        let gateways: [String: StoredGateway]

        func write(_ db: Database) throws {
            try SettingRecords.replace(with: settings, db)
            try PauseRecords.replace(with: pauses, db)
            try GatewayRecords.replace(with: gateways, db)
        }
    }

    var orders: Orders {
        get { Orders(settings: settings, pauses: pauses, gateways: gateways) }
        set { (settings, pauses, gateways) = (newValue.settings, newValue.pauses, newValue.gateways) }
    }

    static let highestConnectionFact = "highest_connection"
    static let lastTimeFact = "last_time"
    static let markFact = "mark"

    init() {}

    init(_ db: Database) throws {
        try loadSettings(db)
        try loadHighestConnection(db)
        try loadOrigins(db)
        try PauseRecords.load(into: &pauses, db)
        try LearnedRecords.load(into: &learned, db)
        try GatewayRecords.load(into: &gateways, db)
        try RunRecords.load(into: &runs, db)
        lastTime = try Self.fact(Self.lastTimeFact, db)
        mark = try Self.fact(Self.markFact, db)
    }

    /// Origins of earlier runs come first.
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

    /// Whatever can be read from a damaged file.
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
            try? LearnedRecords.load(into: &found.learned, db)
            try? GatewayRecords.load(into: &found.gateways, db)
            try? RunRecords.load(into: &found.runs, db)
        }
        self = found
        ids = [:]
    }

    /// From a file whose folder is not writable either, so that SQLite cannot create the log's index: reads a copy.
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
