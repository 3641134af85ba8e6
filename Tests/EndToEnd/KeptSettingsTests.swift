import Foundation
import TestSupport
import Testing

@Suite struct KeptSettingsTests {
    @Test("a setting holds after a kill -9 right behind its answer, with who set it, when, why and over what")
    func killed() throws {
        let gate = Gate()
        let origin = try FakeOrigin.holding(gate)
        let state = try StateFolder()
        let first = try RunningProxy(state: state)
        let set = try first.json("set", origin.name, "max_connections=1", "--reason", "one is enough")
        try first.killAtOnce()
        let before = set["settings"].items.first { $0["name"].text == "max_connections" }
        #expect(before?["value"].text == "1")

        let proxy = try RunningProxy(state: state)
        let clients = try (0..<10).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        try proxy.wait(for: "nine to wait") {
            try $0.json("list")["items"][0]["connections"]["waiting"].int
        } until: {
            $0 == 9
        }
        gate.open()
        for client in clients { #expect(try client.response().status == 200) }
        #expect(origin.record.mostOpenAtOnce == 1)

        let shown = try proxy.json("show", origin.name)
        let setting = try #require(shown["settings"].items.first { $0["name"].text == "max_connections" })
        #expect(setting["value"].text == "1")
        #expect(setting["source"].text == "override")
        #expect(setting["actor"].text == "token")
        #expect(setting["reason"].text == "one is enough")
        #expect(setting["base"].text == "32")
        #expect(setting["time_ms"] == before?["time_ms"] && setting["time_ms"].int != nil)
        #expect(shown["summary"]["max_connections"].int == 1)
    }

    private typealias Overrides = [String: [String: String]]

    /// Another one for each round, so that what is half there shows; in themselves they go together.
    private static func value(_ name: String, _ round: Int) -> String {
        switch name {
        case "max_connections": "\(round + 20)"
        case "max_idle": "\(round + 10)"
        case "queue_timeout": "\(round + 1)s"
        case "max_retries": "\(round % 6)"
        default: "\(round)"
        }
    }

    @Test("however it is killed, no edit that was answered is lost, and none is there in part")
    func atRandom() throws {
        let state = try StateFolder()
        var random = SeededBytes(20)
        let patterns = ["*", "*.example.com", "http://example.com"]
        let names = ["max_connections", "max_queue", "queue_timeout", "max_retries", "min_idle"]
        /// What may be found: after an edit that was cut off, what was before or what was wanted, whole.
        var possible: [Overrides] = [[:]]
        var cutOff = 0
        for round in 0..<12 {
            let proxy = try RunningProxy(state: state)
            let kept = try overrides(proxy)
            #expect(possible.contains(kept), "round \(round): \(kept), not one of \(possible)")
            let pattern = patterns[Int(random.bytes(1)[0]) % patterns.count]
            let chosen = names.filter { _ in random.bytes(1)[0] % 2 == 0 } + ["max_idle"]
            let isUnset = round % 4 == 3
            var edited = kept
            for name in chosen { edited[pattern, default: [:]][name] = isUnset ? nil : Self.value(name, round) }
            edited = edited.filter { !$0.value.isEmpty }
            let words = isUnset ? chosen : chosen.map { "\($0)=\(Self.value($0, round))" }
            let edit = Background { [words] in try proxy.connctl([isUnset ? "unset" : "set", pattern] + words) }
            if round % 2 == 0 {
                let run = try edit.wait()
                #expect(run.exitCode == 0, "\(run)")
                try proxy.killAtOnce()
                possible = [edited]
            } else {
                for _ in 0..<random.bytes(1)[0] % 40 { try proxy.settle() }
                try proxy.killAtOnce()
                let isAnswered = try edit.wait().exitCode == 0
                if !isAnswered { cutOff += 1 }
                possible = isAnswered ? [edited] : [kept, edited]
            }
        }
        #expect(possible.contains(try overrides(try RunningProxy(state: state))))
        // Else no kill met an edit under way.
        #expect(cutOff > 0)
        #expect(try state.query("PRAGMA integrity_check") == "ok")
    }

    private func overrides(_ proxy: RunningProxy) throws -> Overrides {
        var found: Overrides = [:]
        for row in try proxy.json("export")["overrides"].items {
            found[row["pattern"].text ?? "", default: [:]][row["setting"].text ?? ""] = row["value"].text
        }
        return found
    }
}
