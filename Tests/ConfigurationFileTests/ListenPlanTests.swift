import ConfigurationFile
import ProxyTypes
import Testing

@Suite struct ListenPlanTests {
    private func addresses(_ texts: [String]) throws -> [ListenAddress] { try texts.map(ListenAddress.init(parsing:)) }

    private func plan(
        _ wanted: [String], isDefault: Bool = false, held: [String] = [], inherited: [String] = []
    ) throws -> ListenPlan {
        try ListenPlan(
            wanted: addresses(wanted), isDefault: isDefault, held: addresses(held), inherited: addresses(inherited))
    }

    @Test("what is new is opened, what is gone is closed, the rest stays")
    func difference() throws {
        let plan = try plan(["127.0.0.1:1", "127.0.0.1:2"], held: ["127.0.0.1:2", "unix:/a"])
        #expect(try plan.opening == addresses(["127.0.0.1:1"]))
        #expect(try plan.closing == addresses(["unix:/a"]))
    }

    @Test("what was handed over is not opened again, and never closed")
    func inherited() throws {
        let plan = try plan(["127.0.0.1:1", "[::1]:1"], inherited: ["127.0.0.1:1", "127.0.0.1:9"])
        #expect(try plan.opening == addresses(["[::1]:1"]))
        #expect(plan.closing.isEmpty)
    }

    @Test("defaults that nobody wrote do not hold beside what was handed over, written ones do")
    func defaults() throws {
        #expect(try plan(["127.0.0.1:1"], isDefault: true, inherited: ["127.0.0.1:9"]).opening.isEmpty)
        #expect(try plan(["127.0.0.1:1"], inherited: ["127.0.0.1:9"]).opening.count == 1)
        #expect(try plan(["127.0.0.1:1"], isDefault: true).opening.count == 1)
        #expect(
            try plan(["127.0.0.1:1"], isDefault: true, held: ["127.0.0.1:5"], inherited: ["127.0.0.1:9"]).closing
                == addresses(["127.0.0.1:5"]))
    }

    @Test("each of several listeners at port 0 is one of its own")
    func anyPort() throws {
        #expect(try plan(["127.0.0.1:0", "127.0.0.1:0"], held: ["127.0.0.1:0"]).opening.count == 1)
        #expect(try plan(["127.0.0.1:0"], held: ["127.0.0.1:0", "127.0.0.1:0"]).closing.count == 1)
    }
}
