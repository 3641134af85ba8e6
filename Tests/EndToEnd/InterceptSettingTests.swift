import Foundation
import TestSupport
import Testing

/// `intercept` and `intercept_except`, as an operator sets and sees them, without a certificate authority.
@Suite struct InterceptSettingTests {
    private static func stop(_ proxy: RunningProxy) throws {
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test(
        "interception is refused at run time where nobody may sign for the host, with what to do",
        arguments: [
            (
                "example.com",
                "connd has no certificate authority to sign for example.com: run `connctl ca create --for example.com`"
            ),
            ("*.example.com", "run `connctl ca create --for example.com`"),
            ("https://example.com", "run `connctl ca create --for example.com`"),
            ("all", "must be set for named hosts"), ("10.0.0.5", "connd signs for no addresses"),
            ("http://example.com", "http origins have no TLS"), ("localhost", "connd cannot sign for localhost"),
        ])
    func refused(host: String, reason: String) throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let run = try proxy.connctl("set", host, "intercept=on")
        #expect(run.exitCode == 1 && run.errors.contains(reason), "\(run)")
        #expect(try proxy.connctl("set", host, "intercept=off").exitCode == 0)
        let document = """
            {"format":"connd-settings","format_version":1,"overrides":[{"pattern":"\(host == "all" ? "*" : host)",\
            "setting":"intercept","value":"on"}]}
            """
        let file = try ScratchFolder().write("settings.json", document)
        #expect(try proxy.connctl("import", file).exitCode == 1)
    }

    @Test("a file may turn it on, and name users that do not exist: both are told, not refused")
    func fromFile() throws {
        let proxy = try RunningProxy(
            """
            hosts:
              a.example: { intercept: on, intercept_except: ["10.1.0.0/16", "user:nobody-at-all", "program:java"] }
            """, state: try StateFolder())
        try proxy.waitForLog("a setting cannot be applied on this host")
        let refused = try proxy.read("/v1/status")["refused_settings"].items
        #expect(refused.map { $0["setting"].text } == ["intercept", "intercept_except"])
        #expect(refused.last?["reason"].text == "there is no user `nobody-at-all` on this host")
        #expect(try proxy.connctl("status").output.contains("connctl ca create --for a.example"))
        #expect(try proxy.setting("intercept", of: "a.example")["source"].text == "file")
        #expect(
            try proxy.setting("intercept_except", of: "a.example")["value"].text
                == "10.1.0.0/16,user:nobody-at-all,program:java")
    }

    @Test("exceptions are set as a list, shown with their source, and undone")
    func exceptions() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let set = try proxy.connctl("set", "all", "intercept_except=program:java, user:root,::1", "--reason", "why")
        #expect(set.exitCode == 0, "\(set)")
        let shown = try proxy.setting("intercept_except", of: "*")
        #expect(shown["value"].text == "program:java,user:root,::1" && shown["reason"].text == "why")
        #expect(try proxy.connctl("show", "all").output.contains("intercept_except"))
        for wrong in ["java", "user:nobody-at-all", "10.1.2.3/16"] {
            #expect(try proxy.connctl("set", "all", "intercept_except=\(wrong)").exitCode == 1, "\(wrong)")
        }
        #expect(try proxy.connctl("unset", "all", "intercept_except").exitCode == 0)
    }

    @Test("nobody has refused yet, and there is nothing to forget")
    func refusals() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        #expect(try proxy.connctl("tls").output.contains("No client refuses connd's certificates."))
        let forgotten = try proxy.connctl("tls", "--forget", "a.example", "--reason", "why")
        #expect(forgotten.exitCode == 0 && forgotten.output.contains("nothing to forget"), "\(forgotten)")
        #expect(try proxy.connctl("tls", "--forget", "a b").exitCode == 1)
        let audit = try proxy.read("/v1/audit")["items"].items.first
        #expect(audit?["action"].text == "refusals_forgotten" && audit?["subject"].text == "a.example")
        #expect(audit?["reason"].text == "why")
        #expect(try proxy.curl("GET", "/metrics").body.contains("\nconnd_intercept_refusing_clients 0\n"))
    }

    @Test("who refused is known after a restart, and not any more once it is forgotten or a day has passed")
    func kept() throws {
        let state = try StateFolder()
        try Self.stop(try RunningProxy(state: state))
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let rows = [
            ("a.example", "program:4294967294:java", "48", 2, now - 3_600_000),
            ("b.example", "10.0.0.5", "NULL", 3, now),
            ("c.example", "user:0", "42", 1, now), ("d.example", "unknown", "48", 2, now - 86_400_001),
        ]
        for (host, client, alert, count, last) in rows {
            let values = "'\(host)', '\(client)', 1, \(alert), \(count), \(last), \(last)"
            try state.query("INSERT INTO client_refusals VALUES (\(values))")
        }

        let proxy = try RunningProxy(state: state)
        let found = try proxy.wait(for: "the refusals") {
            try $0.read("/v1/tls/refusals")["items"].items
        } until: {
            $0.count == 3
        }
        let byHost = Dictionary(uniqueKeysWithValues: found.map { ($0["host"].text ?? "", $0) })
        #expect(byHost["a.example"]?["program"].text == "java" && byHost["a.example"]?["manner"].text == "unknown_ca")
        #expect(byHost["a.example"]?["spliced_until_ms"].int == Int(now + 82_800_000))
        #expect(byHost["b.example"]?["address"].text == "10.0.0.5" && byHost["b.example"]?["manner"].text == "closed")
        #expect(byHost["c.example"]?["user_name"].text == "root" && byHost["c.example"]?["spliced_until"].text == nil)
        #expect(try proxy.curl("GET", "/metrics").body.contains("\nconnd_intercept_refusing_clients 2\n"))
        let shown = try proxy.connctl("tls").output
        #expect(shown.contains("java (user 4294967294)") && shown.contains("user root"), "\(shown)")

        let forgotten = try proxy.connctl("tls", "--forget", "A.example")
        #expect(forgotten.output.hasPrefix("1 refusal forgotten"), "\(forgotten)")
        try Self.stop(proxy)
        #expect(try state.query("SELECT host FROM client_refusals ORDER BY host") == "b.example\nc.example")
        let again = try RunningProxy(state: state)
        #expect(try again.connctl("tls", "--forget", "--all").output.hasPrefix("2 refusals forgotten"))
    }
}
