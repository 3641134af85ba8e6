import ProxyTypes
import Testing
import Tuning

/// The reference model: a dictionary for each layer, searched for each query.
@Suite struct SettingOverridesModelTests {
    private struct Place: Hashable {
        var setting: Setting
        /// Nil: every origin.
        var pattern: HostPattern?
    }

    private struct Model {
        var file: [Place: SettingValue] = [:]
        var overrides: [Place: (value: SettingValue, base: SettingValue)] = [:]
        var trials: [Place: (value: SettingValue, base: SettingValue, end: Int64)] = [:]

        func value(_ setting: Setting, _ origin: Origin) -> SettingValue {
            closest(trials.mapValues(\.value), setting, origin) ?? closest(
                overrides.mapValues(\.value), setting, origin)
                ?? closest(file, setting, origin) ?? setting.defaultValue
        }

        /// What the file says for the pattern, asked by an origin that only it and wider patterns match.
        func base(_ setting: Setting, _ pattern: HostPattern?) -> SettingValue {
            let covering = file.filter { place, _ in
                place.setting == setting && (place.pattern ?? .any).covers(pattern ?? .any)
            }
            return covering.max { a, b in Self.isLess(a.key.pattern, b.key.pattern) }?.value ?? setting.defaultValue
        }

        private func closest(_ layer: [Place: SettingValue], _ setting: Setting, _ origin: Origin) -> SettingValue? {
            layer.filter { $0.key.setting == setting && ($0.key.pattern?.matches(origin) ?? true) }
                .max { Self.isLess($0.key.pattern, $1.key.pattern) }?.value
        }

        private static func isLess(_ a: HostPattern?, _ b: HostPattern?) -> Bool {
            guard let a else { return b != nil }
            return b.map { a.specificity < $0.specificity } ?? false
        }
    }

    private static let settings: [Setting] = [.maxQueue, .maxTunnels, .maxRetries]

    @Test(
        "the highest layer's closest value is in force, and no base is lost, whatever is done",
        arguments: UInt64(1)...10)
    func random(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let patterns: [HostPattern?] =
            try [nil] + PatternRelationTests.patterns.dropFirst().map { try HostPattern(parsing: $0) }
        var model = Model()
        var fixture = try OverridesFixture()
        for step in 0..<100 {
            let pattern = patterns[random.below(patterns.count)]
            let setting = Self.settings[random.below(Self.settings.count)]
            let place = Place(setting: setting, pattern: pattern)
            fixture.now += Int64(random.below(20_000))
            switch random.below(10) {
            case 0...2: try set(&model, &fixture, place, &random, tryFor: nil)
            case 3...4: try set(&model, &fixture, place, &random, tryFor: .seconds(Int64(1 + random.below(300))))
            case 5: try unset(&model, &fixture, place)
            case 6: try confirm(&model, &fixture, place)
            case 7: try revert(&model, &fixture, place)
            case 8: reload(&model, &fixture, patterns, &random)
            default: try importAll(&fixture)
            }
            expire(&model, &fixture)
            check(model, fixture.overrides, "seed \(seed) step \(step)")
        }
        let again = SettingOverrides(
            file: fixture.overrides.file, rows: fixture.overrides.exportRows(), now: fixture.moment)
        #expect(again.layers == fixture.overrides.layers)
        check(model, again, "seed \(seed), read back")
    }

    private func check(_ model: Model, _ overrides: SettingOverrides, _ comment: Comment) {
        for origin in PatternRelationTests.origins {
            let values = overrides.layers.values(for: origin)
            for setting in Self.settings {
                let expected = model.value(setting, origin)
                #expect(values[setting] == expected, comment)
                #expect(overrides.layers.entry(of: setting, for: origin).value == expected, comment)
            }
        }
        let rows = overrides.exportRows()
        #expect(rows.count == model.overrides.count + model.trials.count, comment)
        for row in rows {
            let place = Place(setting: row.key.setting, pattern: row.key.pattern)
            let base = row.key.layer == .trial ? model.trials[place]?.base : model.overrides[place]?.base
            #expect(row.base == base, comment)
        }
        let conflicts = model.overrides.filter { $0.value.base != model.base($0.key.setting, $0.key.pattern) }
        #expect(
            Set(overrides.conflicts.map { Place(setting: $0.setting, pattern: $0.pattern) }) == Set(conflicts.keys),
            comment)
        let next = model.trials.values.map(\.end).min()
        #expect(
            overrides.nextExpiry == next.map { (OverridesFixture.begin + ($0 - OverridesFixture.start)).instant },
            comment)
    }

    private func set(
        _ model: inout Model, _ fixture: inout OverridesFixture, _ place: Place, _ random: inout SeededRandom,
        tryFor: Interval?
    ) throws {
        let number = random.below(6)
        try fixture.edit(place.pattern?.description, [(place.setting.name, "\(number)")], tryFor: tryFor)
        let base = model.base(place.setting, place.pattern)
        if let tryFor {
            model.trials[place] = (.count(number), base, fixture.now + tryFor.wholeMilliseconds)
        } else {
            model.overrides[place] = (.count(number), base)
        }
    }

    private func unset(_ model: inout Model, _ fixture: inout OverridesFixture, _ place: Place) throws {
        let isThere = model.overrides[place] != nil || model.trials[place] != nil
        #expect(try fixture.change(place.pattern?.description, [(place.setting.name, nil)]).isEmpty != isThere)
        try fixture.edit(place.pattern?.description, [(place.setting.name, nil)])
        model.overrides[place] = nil
        model.trials[place] = nil
    }

    private func confirm(_ model: inout Model, _ fixture: inout OverridesFixture, _ place: Place) throws {
        let trials = model.trials.filter { $0.key.pattern == place.pattern && $0.value.end > fixture.now }
        let change = try? fixture.overrides.confirm(pattern: place.pattern, actor: "t", now: fixture.moment)
        #expect((change == nil) == trials.isEmpty)
        for (place, trial) in trials {
            model.overrides[place] = (trial.value, trial.base)
            model.trials[place] = nil
        }
        if let change { fixture.overrides.apply(change) }
    }

    private func revert(_ model: inout Model, _ fixture: inout OverridesFixture, _ place: Place) throws {
        let isThere = model.trials[place].map { $0.end > fixture.now } ?? false
        let change = try? fixture.overrides.revert(
            pattern: place.pattern, settings: [place.setting], actor: "t", now: fixture.moment)
        #expect((change != nil) == isThere)
        if isThere { model.trials[place] = nil }
        if let change { fixture.overrides.apply(change) }
    }

    private func reload(
        _ model: inout Model, _ fixture: inout OverridesFixture, _ patterns: [HostPattern?],
        _ random: inout SeededRandom
    ) {
        var file = SettingLayers()
        model.file = [:]
        for _ in 0..<random.below(12) {
            let pattern = patterns[random.below(patterns.count)]
            let setting = Self.settings[random.below(Self.settings.count)]
            let value = SettingValue.count(random.below(6))
            file.set(setting, to: SettingEntry(value, source: .file(path: "f", line: 1)), for: pattern)
            model.file[Place(setting: setting, pattern: pattern)] = value
        }
        fixture.overrides.apply(fixture.overrides.reload(file: file))
    }

    private func importAll(_ fixture: inout OverridesFixture) throws {
        let document = fixture.overrides.exportRows().map { ImportedSetting($0) }
        let change = try fixture.overrides.importing(document, actor: "t", now: fixture.moment, replace: true)
        // Trials that ran out and were not ended yet are none that a document could name.
        #expect(change.puts.isEmpty && change.removals.allSatisfy { $0.layer == .trial })
    }

    private func expire(_ model: inout Model, _ fixture: inout OverridesFixture) {
        fixture.expire()
        model.trials = model.trials.filter { $0.value.end > fixture.now }
    }
}
