import ProxyTypes
import Testing
import Tuning

/// Overrides with the current time, so that tests read as a sequence of actions. Value.
struct OverridesFixture {
    static let start: Int64 = 1_700_000_000_000

    var overrides: SettingOverrides
    /// The wall clock's.
    var now = start
    /// How far the wall clock was set, in milliseconds, of `now`.
    var step: Int64 = 0

    static let begin = Moment(wall: start, instant: Instant(nanoseconds: 5_000_000_000))
    var moment: Moment { Moment(wall: now, instant: (Self.begin + (now - step - Self.start)).instant) }

    mutating func setClock(by milliseconds: Int64) {
        now += milliseconds
        step += milliseconds
    }

    /// `file`: pattern (nil: `settings`), setting, text; each on a line of its own.
    init(_ file: [(String?, Setting, String)] = []) throws {
        overrides = SettingOverrides(file: try Self.file(file), rows: [], now: OverridesFixture.begin)
    }

    static func file(_ lines: [(String?, Setting, String)]) throws -> SettingLayers {
        var layers = SettingLayers()
        for (index, (pattern, setting, text)) in lines.enumerated() {
            let entry = SettingEntry(
                try setting.read(.text(text)), source: .file(path: "connd.yaml", line: index + 1))
            layers.set(setting, to: entry, for: try pattern.map { try HostPattern(parsing: $0) })
        }
        return layers
    }

    func change(
        _ pattern: String?, _ values: [(String, String?)], reason: String? = nil, tryFor: Interval? = nil,
        actor: String = "uid:1000"
    ) throws -> SettingChange {
        try overrides.edit(
            SettingEdit(
                pattern: try pattern.map { try HostPattern(parsing: $0) },
                values: values.map { ($0.0, $0.1.map { .text($0) }) }, reason: reason, tryFor: tryFor),
            actor: actor, now: moment)
    }

    mutating func edit(
        _ pattern: String?, _ values: [(String, String?)], reason: String? = nil, tryFor: Interval? = nil,
        actor: String = "uid:1000"
    ) throws {
        overrides.apply(try change(pattern, values, reason: reason, tryFor: tryFor, actor: actor))
    }

    mutating func expire() { overrides.apply(overrides.expire(now: moment)) }

    func text(_ setting: Setting, _ host: String) -> String {
        setting.write(overrides.layers.values(for: Origin(scheme: .http, host: host, port: 80))[setting])
    }

    func problems(_ work: () throws -> SettingChange) throws -> [SettingProblem] {
        do {
            let change = try work()
            Issue.record("taken: \(change)")
            return []
        } catch let error as SettingProblems {
            return error.problems
        }
    }
}

func key(_ layer: SettingLayer, _ setting: Setting, _ pattern: String?) throws -> SettingKey {
    SettingKey(layer: layer, setting: setting, pattern: try pattern.map { try HostPattern(parsing: $0) })
}

extension Moment {
    /// So many milliseconds later.
    static func + (a: Moment, b: Int64) -> Moment { Moment(wall: a.wall + b, instant: a.instant + .milliseconds(b)) }
    static func - (a: Moment, b: Int64) -> Moment { a + -b }
}
