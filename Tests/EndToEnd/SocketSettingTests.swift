import TestSupport
import Testing

/// Settings that the kernel has a say in.
@Suite struct SocketSettingTests {
    private let origin: FakeOrigin

    init() throws {
        origin = try FakeOrigin.answering()
    }

    @Test("what the kernel does not have is refused where it is set, with what it has, and nothing is changed")
    func refused() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let run = try proxy.connctl("set", "all", "max_queue=8", "congestion_control=nosuch")
        #expect(run.exitCode == 1 && run.errors.contains("congestion_control") && run.errors.contains("reno"), "\(run)")
        #expect(try proxy.setting("max_queue", of: "*")["source"].text == "default")
        let tried = try proxy.connctl("set", "all", "source_address=192.0.2.1", "--try", "1m")
        #expect(tried.exitCode == 1 && tried.errors.contains("192.0.2.1 is no address of this host"), "\(tried)")
        let exported = try proxy.connctl("export").output
        let folder = try ScratchFolder()
        let file = try folder.write(
            "settings.json",
            exported.replacing(
                /"overrides" *: *\[\s*\]/,
                with: #""overrides": [{"pattern": "*", "setting": "congestion_control", "value": "nosuch"}]"#))
        for more in [[], ["--dry-run"]] {
            let imported = try proxy.connctl(["import", file] + more)
            #expect(imported.exitCode == 1 && imported.errors.contains("nosuch"), "\(imported)")
        }
        #expect(try proxy.connctl("set", "all", "congestion_control=reno").exitCode == 0)
        #expect(try proxy.read("/v1/status")["refused_settings"].items.isEmpty)
    }

    @Test("a file that names what this kernel does not have is taken, and that is told at every place")
    func told() throws {
        let proxy = try RunningProxy(
            """
            settings: { max_lifetime: 1m }
            hosts: { "127.0.0.1": { congestion_control: nosuch } }
            """, state: try StateFolder())
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).status == 200) }
        let status = try proxy.read("/v1/status")["refused_settings"].items
        #expect(status.count == 1 && status[0]["value"].text == "nosuch")
        #expect(status[0]["place"].text?.contains("connd.yaml:2") == true)
        #expect(try proxy.connctl("status").output.contains("congestion_control=nosuch"))
        let refused = try proxy.detail(origin)["refused_settings"].items
        #expect(refused.count == 1 && refused[0]["reason"].text?.contains("reno") == true)
        #expect(try proxy.connctl("show", origin.name).output.contains("congestion_control=nosuch: the kernel has no"))
        #expect(try proxy.totals()["socket_settings_refused"] == 1)
        #expect(try proxy.json("reload")["notes"].items.contains { $0.text?.contains("nosuch") == true })
        try proxy.process.wait(for: "the log to tell of both") { output in
            output.errText.contains("a setting cannot be applied on this host")
                && output.errText.contains("the kernel refused a setting of an origin")
        }
        // Set right, and nothing is left to be told.
        try proxy.connctl("set", origin.name, "congestion_control=reno")
        #expect(try proxy.detail(origin)["refused_settings"].items.isEmpty)
    }
}
