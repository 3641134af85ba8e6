import ProxyTypes
import Testing

@testable import Tuning

@Suite struct SettingTests {
    @Test("the table has one row for each setting, in the order of the cases")
    func tableOrder() {
        #expect(Setting.table.map(\.setting) == Setting.allCases)
        #expect(Set(Setting.table.map(\.name)).count == Setting.allCases.count)
        for setting in Setting.allCases {
            #expect(setting.name.replacing("_", with: "") == "\(setting)".lowercased())
            #expect(Setting(name: setting.name) == setting)
            #expect(!setting.definition.help.isEmpty)
        }
        #expect(Setting(name: "max_conections") == nil)
        #expect(Setting(name: "maxConnections") == nil)
    }

    @Test("the effective settings hold each setting under its own name")
    func effectiveNames() {
        let labels = Mirror(reflecting: EffectiveSettings()).children.compactMap(\.label)
        #expect(Set(labels) == Set(Setting.allCases.map(\.effectiveLabel)))
    }

    @Test("every default is in range, and reads back from its own text", arguments: Setting.allCases)
    func defaults(setting: Setting) throws {
        #expect(try setting.read(.text(setting.write(setting.defaultValue))) == setting.defaultValue)
    }

    @Test("names, defaults and bounds are those of the product", arguments: SettingBounds.all)
    func bounds(row: SettingBounds) throws {
        let setting = try #require(Setting(name: row.name))
        #expect(setting.write(setting.defaultValue) == row.standard)
        for text in row.taken {
            #expect(throws: Never.self, "\(text)") { try setting.read(.text(text)) }
        }
        for text in row.refused + ["", "x y", "-1", "auto ", "4 s"] where !row.taken.contains(text) {
            #expect(throws: ValueProblem.self, "\(text)") { try setting.read(.text(text)) }
        }
    }

    @Test("no setting is without bounds that a test states")
    func allBounded() {
        #expect(Set(SettingBounds.all.map(\.name)) == Set(Setting.allCases.map(\.name)))
    }

    @Test("numbers and switches are taken as such too")
    func typedInput() throws {
        #expect(try Setting.maxConnections.read(.integer(8)) == .count(8))
        #expect(try Setting.lifetimeJitter.read(.integer(8)) == .percent(8))
        #expect(try Setting.sendBuffer.read(.integer(4096)) == .size(4096))
        #expect(try Setting.queueTimeout.read(.integer(0)) == .duration(.zero))
        #expect(try Setting.tcpNodelay.read(.flag(false)) == .flag(false))
        #expect(
            problem { () throws(ValueProblem) in try Setting.maxConnections.read(.integer(-1)) }
                == "must be 1 to 10000, not -1")
        #expect(
            problem { () throws(ValueProblem) in try Setting.maxConnections.read(.flag(true)) }
                == "must be 1 to 10000, not true")
        #expect(
            problem { () throws(ValueProblem) in try Setting.connectTimeout.read(.integer(5)) }
                == "must be a duration (such as 250ms, 4s, 15m) from 10ms to 5m, not 5")
        #expect(
            problem { () throws(ValueProblem) in try Setting.maxQueue.read(.list(["1"])) }
                == "must be 0 to 100000, not `[1]`")
    }

    @Test("source addresses are one or several, each once, and real ones")
    func sourceAddresses() throws {
        let first = try #require(IPAddress("10.0.0.5"))
        let second = try #require(IPAddress("fd00::5"))
        #expect(try Setting.sourceAddress.read(.text("10.0.0.5")) == .addresses([first]))
        #expect(try Setting.sourceAddress.read(.text("10.0.0.5,fd00::5")) == .addresses([first, second]))
        #expect(try Setting.sourceAddress.read(.list(["10.0.0.5", "fd00::5"])) == .addresses([first, second]))
        #expect(try Setting.sourceAddress.read(.list([])) == .unset)
        for list in [["10.0.0.5", "10.0.0.5"], ["0.0.0.0"], ["localhost"], ["10.0.0.5", ""]] {
            #expect(throws: ValueProblem.self) { try Setting.sourceAddress.read(.list(list)) }
        }
    }

    @Test("what is shown of a refused value is cut and safe for a terminal")
    func quoting() {
        #expect(ValueProblem.quoted("\u{1B}[31m") == "`?[31m`")
        #expect(ValueProblem.quoted(String(repeating: "x", count: 500)).count == 63)
        #expect(ValueProblem.quoted("") == "empty")
        #expect(ValueProblem.quoted("17") == "17")
    }

    private func problem(_ read: () throws(ValueProblem) -> SettingValue) -> String {
        do throws(ValueProblem) {
            return "\(try read())"
        } catch {
            return error.description
        }
    }
}
