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

    @Test("what is set of sockets is shown as the kernel has it, of the origin and of the connection")
    func readBack() throws {
        let proxy = try RunningProxy(
            """
            settings:
              tcp_nodelay: off
              tcp_keepalive: 61s/7s/3
              tcp_user_timeout: 29s
              congestion_control: reno
              send_buffer: 32KiB
              receive_buffer: 48KiB
            """, state: try StateFolder())
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        let number = try #require(try proxy.read("/v1/connections")["items"].items.first?["number"].int)
        let connection = try proxy.read("/v1/connections/\(number)")
        for socket in [try proxy.detail(origin)["socket"], connection["socket"]] {
            #expect(socket["nodelay"].flag == false && socket["fast_open"].flag == false)
            #expect(socket["keepalive"].text == "61s/7s/3" && socket["user_timeout_ms"].int == 29_000)
            #expect(socket["congestion_control"].text == "reno")
            #expect(socket["send_buffer"].int == 32 << 10 && socket["receive_buffer"].int == 48 << 10)
        }
        #expect(connection["tcp"]["bytes_acknowledged"].int ?? 0 > 0 && connection["tcp"]["segments_sent"].int ?? 0 > 0)
        for words in [["show", origin.name], ["why", "\(number)"]] {
            let output = try proxy.connctl(words).output
            #expect(output.contains("keepalive 61s/7s/3, user timeout 29s") && output.contains("reno"), "\(output)")
        }
    }
}
