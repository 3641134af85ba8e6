import AdminClient
import AdminModels
import ArgumentParser
import ProxyTypes

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one origin: current state, totals, and every setting with its source.",
        discussion: """
            connctl show http://example.com
            connctl show localhost:8080 -o wide     also the settings at their default
            connctl show all                        what is set for every origin
            connctl show '*.example.com'            what is set for a pattern
            """)

    @Argument(
        help: "http://host:port, host:port, or an unambiguous part of the name; all or a pattern to see settings.",
        completion: .custom(Completion.origins))
    var origin: String

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let text = origin
        try await Session.run(global) { session in
            if text.contains("*") || OriginName.isAll(text) {
                return try await showPattern(OriginName.pattern(text), &session)
            }
            let name = try await session.origin(text)
            let answer = try await session.client.origin(name)
            if session.output.isJSON { return session.output.json(answer.body) }
            let revision = try? await session.client.settings(name).etag
            OriginText(detail: answer.content, now: session.now).write(to: session.output)
            Self.writeSettings(answer.content.settings, revision: revision, to: session.output, now: session.now)
        }
    }

    private func showPattern(_ pattern: String, _ session: inout Session) async throws {
        session.about(.pattern(pattern))
        let answer = try await session.client.settings(pattern)
        if session.output.isJSON { return session.output.json(answer.body) }
        session.output.line(pattern == "*" ? "every origin" : answer.content.pattern, .bold)
        Self.writeSettings(answer.content.settings, revision: answer.etag, to: session.output, now: session.now)
    }

    private static func writeSettings(
        _ settings: [ResolvedSettingReport], revision: String?, to output: Output, now: Int64
    ) {
        let shown = output.isWide ? settings : settings.filter { $0.source != "default" }
        let hidden = settings.count - shown.count
        output.line("")
        if !shown.isEmpty { output.table(SettingTable.resolved(shown, isWide: output.isWide, now: now)) }
        if hidden > 0 {
            output.line("\(Formatting.plural(hidden, "setting")) at the default: -o wide shows them too.", .dim)
        }
        if let revision { output.line("Revision of the settings: \(Revision.plain(revision))", .dim) }
    }
}

/// An ETag without quotes, as people type and read it. Pure.
enum Revision {
    static func plain(_ etag: String) -> String {
        etag.hasPrefix("\"") && etag.hasSuffix("\"") && etag.count > 1 ? String(etag.dropFirst().dropLast()) : etag
    }

    static func isRevision(_ text: String) -> Bool {
        let plain = plain(text)
        return !plain.isEmpty && plain.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
    }

    static func etag(_ text: String) -> String {
        text == "*" ? text : "\"\(plain(text))\""
    }
}

/// Settings and where they come from, as rows. Pure.
enum SettingTable {
    static func resolved(_ settings: [ResolvedSettingReport], isWide: Bool, now: Int64) -> Table {
        var table = Table(["SETTING", "VALUE", "SOURCE", .flexible("WHERE"), "BY", "WHEN", "OVER", .flexible("REASON")])
        for setting in settings {
            let ends = setting.expiresMs.map { " (ends \(Formatting.ago($0, now: now)))" } ?? ""
            table.add([
                .init(setting.name), .init(setting.value, isUnverifying(setting) ? .bad : .bold),
                .init(setting.source + ends, setting.source == "trial" ? .warning : .plain),
                .init(setting.place ?? ""), .init(setting.actor ?? ""),
                .init(setting.timeMs.map { Formatting.ago($0, now: now) } ?? ""), .init(setting.base ?? ""),
                .init(setting.reason ?? ""),
            ])
        }
        return table
    }

    private static func isUnverifying(_ setting: ResolvedSettingReport) -> Bool {
        setting.name == "tls_verify" && setting.value == "none"
    }
}

/// When the certificate of an origin expires, or has. Pure.
enum CertificateText {
    static func add(_ expires: String?, _ at: Int64?, to facts: inout LabelledList, now: Int64) {
        guard let expires, let at else { return }
        let days = Int((at - now) / 86_400_000)
        let left = days == 0 ? "in less than a day" : "in \(Formatting.plural(days, "day"))"
        let date = Formatting.time(expires)
        let text = at > now ? "expires \(date), \(left)" : "expired \(date)"
        facts.add("certificate", text, days < 14 ? .warning : .plain)
    }
}

/// Who turned off the verification of certificates, when and why, or where the file says so. Pure.
enum UnverifiedText {
    static func cause(_ report: UnverifiedReport, now: Int64) -> String {
        cause(
            report.place ?? report.source, report.actor, report.reason, since: report.timeMs, until: report.expiresMs,
            now: now)
    }

    static func cause(_ setting: ResolvedSettingReport, now: Int64) -> String {
        cause(
            setting.place ?? setting.source, setting.actor, setting.reason, since: setting.timeMs,
            until: setting.expiresMs, now: now)
    }

    private static func cause(
        _ place: String, _ actor: String?, _ reason: String?, since: Int64?, until: Int64?, now: Int64
    ) -> String {
        guard let actor else { return "tls_verify=none (\(SafeText.line(place)))" }
        return "tls_verify=none, set " + (since.map { "\(Formatting.ago($0, now: now)) " } ?? "")
            + "by \(SafeText.line(actor))" + (reason.map { ", \(SafeText.line($0))" } ?? "")
            + (until.map { " (ends \(Formatting.ago($0, now: now)))" } ?? "")
    }
}

/// An origin's statistics as a labelled list. Value.
struct OriginText {
    let detail: OriginDetail
    let now: Int64

    func write(to output: Output) {
        let summary = detail.summary
        output.line(summary.origin + (summary.paused ? " (\(Self.pause(summary.pause, now)))" : ""), .bold)
        output.facts(facts)
        if detail.figures.totalTime.count > 0 {
            output.line("")
            output.table(times)
        }
    }

    static func pause(_ pause: PauseReport?, _ now: Int64) -> String {
        guard let pause else { return "paused: connctl resume lets requests through" }
        return "paused \(Formatting.ago(pause.timeMs, now: now)) by \(SafeText.line(pause.actor))"
            + (pause.reason.map { ", \(SafeText.line($0))" } ?? "") + ": connctl resume lets requests through"
    }

    var facts: LabelledList {
        let (summary, figures) = (detail.summary, detail.figures)
        var facts = LabelledList()
        let counts = summary.connections
        facts.add(
            "connections",
            "\(counts.live) of \(summary.maxConnections): \(counts.leased) leased, \(counts.idle) idle, "
                + (counts.pinned > 0 ? "\(counts.pinned) pinned, " : "")
                + (counts.parked > 0 ? "\(counts.parked) parked, " : "")
                + "\(counts.dialing) dialing, \(counts.draining) draining; \(counts.waiting) waiting")
        facts.add(
            "requests",
            "\(Formatting.count(summary.requests)), \(Formatting.plural(summary.errors, "error")), "
                + "\(Formatting.share(summary.reuseRatio)) reused",
            summary.errors > 0 ? .warning : .plain)
        if summary.tunnelsOnly {
            let line = "connctl gateway add NAME \(SafeText.line(summary.origin))"
            facts.add(
                "reached", "by CONNECT tunnels only, whose connections are not shared; to pool it: \(line)", .warning)
        }
        if !summary.gateways.isEmpty { facts.add("gateways", summary.gateways.joined(separator: ", ")) }
        if !summary.originatedFrom.isEmpty {
            let origins = summary.originatedFrom.joined(separator: " and ")
            facts.add("originated", "takes the requests to \(origins) (tls=originate)")
        }
        facts.add("outcomes", words(outcomes))
        facts.add("errors", words(figures.errors))
        facts.add("opened", words(figures.opened))
        facts.add("closed", words(figures.closed))
        facts.add("dial failures", words(figures.dialFailures))
        if detail.dialFailuresInARow > 0 {
            facts.add("failing now", "\(Formatting.plural(detail.dialFailuresInARow, "dial")) in a row", .bad)
        }
        for refused in detail.refusedSettings {
            facts.add("refused", "\(refused.setting)=\(refused.value): \(refused.reason)", .bad)
        }
        if let socket = detail.socket { facts.add("socket", KernelText.socket(socket)) }
        if let path = detail.path { facts.add("path", KernelText.path(path), .warning) }
        if let learned = detail.learned { facts.add("idle limit", LearnedText.line(learned)) }
        if detail.adviceWaiting > 0 {
            let name = OriginName.argument(SafeText.line(detail.summary.origin))
            facts.add("advice", "\(detail.adviceWaiting) waiting: connctl advise \(name)", .warning)
        }
        for delay in detail.delays { facts.add("delayed ack", KernelText.delay(delay), .warning) }
        addTCP(figures.tcp, to: &facts)
        if summary.unverified, let verify = detail.settings.first(where: { $0.name == "tls_verify" }) {
            facts.add("verification", "certificates are not verified: \(UnverifiedText.cause(verify, now: now))", .bad)
        }
        facts.add("retries", words(figures.retryOutcomes))
        if figures.staleRetried + figures.staleSurfaced > 0 {
            facts.add("stale reuse", "\(figures.staleRetried) retried, \(figures.staleSurfaced) seen by clients")
        }
        if figures.distrusted > 0 {
            facts.add("distrusted", "\(Formatting.plural(figures.distrusted, "connection")) after another was lost")
        }
        facts.add(
            "bytes", "\(Formatting.size(figures.bytesSent)) sent, \(Formatting.size(figures.bytesReceived)) received")
        if figures.handshakePaidMs + figures.handshakeSavedMs > 0 {
            facts.add(
                "handshakes",
                "\(figures.handshakePaid) paid, \(figures.handshakeSaved) saved by reuse"
                    + (SlowStartText.waits(figures.handshakeWaits).map { "; \($0)" } ?? ""))
        }
        SlowStartText.add(figures.slowStart, afterIdle: detail.slowStartAfterIdle, to: &facts)
        addTLS(figures.tls, to: &facts)
        addInterception(figures.intercept, to: &facts)
        if figures.tunnels.opened + figures.tunnels.failed > 0 {
            let tunnels = figures.tunnels
            facts.add(
                "tunnels",
                "\(tunnels.open) open, \(tunnels.opened) opened, \(tunnels.failed) failed, "
                    + "\(Formatting.size(tunnels.bytesSent)) sent, \(Formatting.size(tunnels.bytesReceived)) received")
        }
        if let lifetime = detail.lifetime {
            facts.add(
                "since \(Formatting.time(lifetime.firstSeen))",
                "\(Formatting.plural(lifetime.requests, "request")), \(Formatting.plural(lifetime.errors, "error")), "
                    + "\(Formatting.count(lifetime.opened)) opened, \(Formatting.count(lifetime.reused)) reused")
        }
        return facts
    }

    private func addTCP(_ tcp: TCPFiguresReport, to facts: inout LabelledList) {
        guard tcp.roundTrip.count > 0 else { return }
        facts.add(
            "segments",
            "\(Formatting.count(tcp.segmentsSent)) sent, \(Formatting.plural(tcp.segmentsRetransmitted, "retransmit")), "
                + "window \(tcp.congestionWindow.p50) (median of \(Formatting.plural(tcp.congestionWindow.count, "sample")))",
            tcp.segmentsRetransmitted > 0 ? .warning : .plain)
        facts.add(
            "sending",
            KernelText.limits(
                Double(tcp.busyMs), window: Double(tcp.windowLimitedMs), buffer: Double(tcp.bufferLimitedMs)))
    }

    private func addTLS(_ tls: TLSHandshakesReport, to facts: inout LabelledList) {
        if tls.full + tls.resumed > 0 {
            facts.add(
                "tls",
                "\(Formatting.count(tls.full)) full and \(Formatting.count(tls.resumed)) resumed handshakes, "
                    + "\(tls.savedByResumption) saved by resumption")
        }
        if let failures = words(tls.failures) { facts.add("tls failures", failures, .bad) }
        if tls.unverifiedConnections > 0 {
            facts.add(
                "unverified", "\(Formatting.plural(tls.unverifiedConnections, "connection")): tls_verify is none", .bad)
        }
        CertificateText.add(tls.certificateExpires, tls.certificateExpiresMs, to: &facts, now: now)
    }

    private func addInterception(_ counts: InterceptionReport, to facts: inout LabelledList) {
        if counts.full + counts.resumed > 0 {
            facts.add(
                "intercepted",
                "\(Formatting.count(counts.full)) full and \(Formatting.count(counts.resumed)) resumed handshakes with clients"
            )
        }
        if let spliced = words(counts.spliced) {
            facts.add("spliced", "tunnelled all the same: \(spliced)", .warning)
            for reason in SpliceReason.allCases where (counts.spliced[reason.name] ?? 0) > 0 {
                facts.add("  \(reason.name)", reason.explanation)
            }
        }
        let troubles = [
            "refused connd's certificate": counts.refused, "failed": counts.failed, "misdirected": counts.misdirected,
        ]
        if let troubles = words(troubles) { facts.add("clients", troubles, .bad) }
    }

    /// Over all classes of methods.
    private var outcomes: [String: Int] {
        detail.figures.requests.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    }

    /// The most frequent first; nil if there are none.
    private func words(_ counts: [String: Int]) -> String? {
        let seen = counts.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return seen.isEmpty ? nil : seen.map { "\(Formatting.count($0.value)) \($0.key)" }.joined(separator: ", ")
    }

    private var times: Table {
        let figures = detail.figures
        var table = Table(["TIME", .number("COUNT"), .number("MEAN"), .number("P50"), .number("P90"), .number("P99")])
        let rows = [
            ("queue", figures.queueTime), ("dns", figures.dnsTime), ("connect", figures.connectTime),
            ("tls", figures.tlsTime), ("first byte", figures.firstByteTime), ("total", figures.totalTime),
            ("connection age", figures.connectionAge), ("idle gap", figures.idleGap),
            ("round trip", figures.tcp.roundTrip), ("least round trip", figures.tcp.minRoundTrip),
        ]
        for (name, time) in rows where time.count > 0 {
            table.add([
                .init(name), .init(Formatting.count(time.count)), .init(Formatting.duration(ms: time.meanMs)),
                .init(Formatting.duration(ms: time.p50Ms)), .init(Formatting.duration(ms: time.p90Ms)),
                .init(Formatting.duration(ms: time.p99Ms)),
            ])
        }
        return table
    }
}
