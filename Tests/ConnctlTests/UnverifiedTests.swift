import AdminModels
import Testing

@testable import connctl

@Suite("Certificates that are not verified")
struct UnverifiedTests {
    private static func unverified(_ pattern: String, _ source: String, place: String? = nil) -> UnverifiedReport {
        var report = UnverifiedReport()
        report.pattern = pattern
        report.source = source
        report.place = place
        guard place == nil else { return report }
        report.actor = "uid:1000"
        report.reason = "its certificate ran out"
        report.timeMs = World.now - 7_200_000
        if source == "trial" { report.expiresMs = World.now + 600_000 }
        return report
    }

    @Test("status tells each pattern, who did it and why, and how to undo it")
    func status() async throws {
        var report = Samples.status
        report.unverified = [
            Self.unverified("*", "file", place: "/etc/connd/connd.yaml:12"),
            Self.unverified("*.example.com", "override"), Self.unverified("https://a.example", "trial"),
        ]
        let sent = report
        try await World.withDaemon({ _ in .json(sent) }) { world, _ in
            let lines = await world.run("status").output.split(separator: "\n").filter { $0.hasPrefix("! ") }
            let expected = """
                ! The certificate of every origin is not verified: tls_verify=none (/etc/connd/connd.yaml:12). \
                Undo: correct the file, then: connctl reload
                ! The certificate of *.example.com is not verified: tls_verify=none, set 2h ago by uid:1000, \
                its certificate ran out. Undo: connctl unset '*.example.com' tls_verify
                ! The certificate of https://a.example is not verified: tls_verify=none, set 2h ago by uid:1000, \
                its certificate ran out (ends in 10m). Undo: connctl revert https://a.example tls_verify
                """
            #expect(lines.joined(separator: "\n") == expected)
        }
    }

    @Test("many patterns are counted, not listed")
    func many() async throws {
        var report = Samples.status
        report.unverified = (0..<23).map { Self.unverified("h\($0).example", "override") }
        let sent = report
        try await World.withDaemon({ _ in .json(sent) }) { world, _ in
            let lines = await world.run("status").output.split(separator: "\n").filter { $0.hasPrefix("! ") }
            #expect(lines.count == 21 && lines.last == "! 3 more patterns have tls_verify=none: connctl diff")
        }
    }

    @Test("list marks the origin, show says since when and why")
    func origins() async throws {
        var detail = OriginDetail()
        detail.summary = Samples.summary("https://a.example")
        detail.summary.unverified = true
        var setting = Samples.setting("tls_verify", "none", "override", base: "full")
        setting.actor = "uid:1000"
        setting.reason = "its certificate ran out"
        setting.timeMs = World.now - 7_200_000
        detail.settings = [setting]
        let sent = detail
        let handler: FakeDaemon.Handler = { request in
            request.path == "/v1/origins" ? .json(Samples.page([sent.summary])) : .json(sent)
        }
        try await World.withDaemon(handler) { world, _ in
            let list = await world.run("list").output
            #expect(list.split(separator: "\n").last?.hasSuffix("  unverified") == true, "\(list)")
            let shown = await world.run("show", "https://a.example").output
            #expect(
                shown.contains("not verified: tls_verify=none, set 2h ago by uid:1000, its certificate ran out"),
                "\(shown)")
        }
    }

    @Test("connections say it too, where there is room")
    func connections() async throws {
        let connections = [true, false, nil].map { verified in
            var report = ConnectionReport()
            report.origin = "https://a.example"
            report.state = "idle"
            report.tls = verified.map { verified in
                var tls = TLSReport()
                (tls.version, tls.verified) = ("1.3", verified)
                return tls
            }
            return report
        }
        try await World.withDaemon({ _ in .json(Samples.page(connections)) }) { world, _ in
            let wide = await world.run("conns", "-o", "wide").output.split(separator: "\n")
            #expect(wide[0].contains("TLS") && wide[1].hasSuffix(" 1.3"), "\(wide)")
            #expect(wide[2].hasSuffix(" 1.3 UNVERIFIED") && !wide[3].contains("VERIFIED"), "\(wide)")
            #expect(!(await world.run("conns").output.contains("VERIFIED")))
        }
    }

    @Test("explain does not advise more connections where the certificate is not accepted")
    func advice() {
        var report = Samples.exchange
        report.origin = "https://a.example"
        report.error = "tls_certificate_error"
        report.connection = nil
        report.waterfall = [Samples.phase("queue", 0, 1000)]
        let lines = ExchangeAdvice.lines(report)
        #expect(lines.first?.contains("connctl set https://a.example tls_ca_file=FILE") == true, "\(lines)")
        #expect(lines.last == "100% of the time: it waited for a connection, which could not be opened")
        report.error = nil
        #expect(ExchangeAdvice.lines(report).last?.contains("max_connections=N") == true)
    }

    @Test(
        "the days that a certificate has left are told with its date",
        arguments: [(1, "less than a day"), (25, "1 day")])
    func certificate(hours: Int64, text: String) {
        var facts = LabelledList()
        CertificateText.add("2027-01-16T08:00:00.000Z", World.now + hours * 3_600_000, to: &facts, now: World.now)
        #expect(facts.lines(color: false).joined().contains("expires 2027-01-16 08:00:00Z, in \(text)"))
    }

    @Test(
        "set without a reason is answered with the way to give one",
        arguments: [(["set", "all", "tls_verify=none"], "/reason"), (["confirm", "all"], "/reason")])
    func noReason(arguments: [String], pointer: String) async throws {
        let text = "`tls_verify` can only be set to none with a `reason`"
        let handler: FakeDaemon.Handler = { request in
            guard request.method == "GET" else {
                return .problem(422, text, [FieldProblem(pointer: pointer, detail: text)])
            }
            return request.path == Paths.definitions
                ? .json(Page(items: Samples.definitions)) : .json(Samples.settings("*", []))
        }
        try await World.withDaemon(handler) { world, _ in
            let run = await world.run(arguments)
            #expect(
                run.errors == """
                    connctl: \(text)
                    Next: connctl … --reason "why"    it is kept in the audit trail and shown with the setting

                    """)
            #expect(run.status == .failed)
        }
    }
}
