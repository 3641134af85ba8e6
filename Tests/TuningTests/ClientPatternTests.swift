import ProxyTypes
import Testing
import Tuning

@Suite("Clients that are not intercepted")
struct ClientPatternTests {
    private let address = IPAddress(ipv4: 0x0A01_0203)

    private func exceptions(_ text: String, users: [String: UInt32] = [:]) throws -> ClientExceptions {
        var values = SettingValues()
        values[.interceptExcept] = try Setting.interceptExcept.read(.text(text))
        var found = EffectiveSettings(values).interceptExcept
        found.resolve(users)
        return found
    }

    @Test("an address, a program and a user each match by themselves")
    func each() throws {
        let listed = try exceptions("10.1.0.0/16,program:java,user:7")
        #expect(listed.contains(.address(address), address: address))
        #expect(!listed.contains(.address(IPAddress(ipv4: 0x0A02_0203)), address: IPAddress(ipv4: 0x0A02_0203)))
        #expect(listed.contains(.program("java", user: 1), address: nil))
        #expect(!listed.contains(.program("javac", user: 1), address: nil))
        #expect(listed.contains(.program("curl", user: 7), address: nil) && listed.contains(.user(7), address: nil))
        #expect(!listed.contains(.user(8), address: nil) && !listed.contains(.unknown, address: nil))
        #expect(!ClientExceptions().contains(.user(7), address: address))
    }

    @Test("a name of a user matches by its number, and nobody where there is no such user")
    func userNames() throws {
        let listed = try exceptions("user:build,user:gone", users: ["build": 7, "other": 8])
        #expect(listed.contains(.user(7), address: nil) && !listed.contains(.user(8), address: nil))
        #expect(listed.userNames == ["build", "gone"])
        #expect(!(try exceptions("user:build")).contains(.user(7), address: nil))
    }

    @Test("at most 64, from a text or a list, and printed as given")
    func list() throws {
        let texts = (0..<64).map { "program:p\($0)" }
        let value = try Setting.interceptExcept.read(.list(texts))
        #expect(value == (try Setting.interceptExcept.read(.text(texts.joined(separator: ", ")))))
        #expect(Setting.interceptExcept.write(value) == texts.joined(separator: ","))
        #expect(throws: ValueProblem.self) { try Setting.interceptExcept.read(.list(texts + ["user:1"])) }
        #expect(try Setting.interceptExcept.read(.list([])) == .unset)
    }

    @Test("the users that any layer names")
    func listedUsers() throws {
        var layers = SettingLayers()
        let file = SettingSource.file(path: "f", line: 1)
        layers.set(.interceptExcept, to: SettingEntry(.clients([.user("a"), .program("b")]), source: file))
        layers.set(
            .interceptExcept, to: SettingEntry(.clients([.user("c")]), source: file),
            for: try HostPattern(parsing: "*.example.com"))
        #expect(layers.listedUsers == ["a", "c"])
    }
}
