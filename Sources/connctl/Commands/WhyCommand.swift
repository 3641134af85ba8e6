import AdminClient
import AdminModels
import ArgumentParser

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Shows one connection: why it was opened, what it did, and why it was closed.",
        discussion: """
            connctl why 4711        the numbers are in `connctl conns` and `connctl conns --state closed`
            """)

    @Argument(help: "The connection's number.")
    var connection: UInt64

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let number = connection
        try await Session.run(global) { session in
            session.about(.connection)
            let answer = try await session.client.connection(number)
            if session.output.isJSON { return session.output.json(answer.body) }
            ConnectionText.write(answer.content, to: session.output, now: session.now)
        }
    }
}

/// One connection as a labelled list. Pure.
enum ConnectionText {
    static func write(_ report: ConnectionReport, to output: Output, now: Int64) {
        output.line("connection \(report.number) to \(report.origin): \(report.state)", .bold)
        output.facts(facts(report, now: now))
    }

    static func facts(_ report: ConnectionReport, now: Int64) -> LabelledList {
        var facts = LabelledList()
        if let reason = report.reason {
            facts.add(
                "ended", "\(reason), by \(report.closedBy ?? "connd"), \(Formatting.ago(report.closedMs, now: now))",
                .bold)
        }
        facts.add("why", report.explanation)
        facts.add("opened", "\(Formatting.time(report.opened)), \(cause(report.cause))")
        facts.add("age", report.age + (report.idle.map { ", idle for \($0)" } ?? ""))
        if let remote = report.remote { facts.add("path", "\(report.local ?? "?") to \(remote)") }
        add(report.attempts, from: report.addressSource, to: &facts)
        facts.add("served", Formatting.plural(report.requests, "request"))
        facts.add(
            "bytes", "\(Formatting.size(report.bytesSent)) sent, \(Formatting.size(report.bytesReceived)) received")
        facts.add(
            "handshake",
            "dns \(Formatting.duration(ms: report.dnsMs)), connect \(Formatting.duration(ms: report.connectMs)), "
                + "tls \(Formatting.duration(ms: report.tlsMs))")
        if let tls = report.tls {
            facts.add(
                "tls",
                "\(tls.version), \(SafeText.line(tls.cipher)), "
                    + (tls.resumed ? "resumed from an earlier session" : "full handshake")
                    + (tls.verified ? "" : ", certificate NOT verified (tls_verify: none)"),
                tls.verified ? .plain : .bad)
            CertificateText.add(tls.certificateExpires, tls.certificateExpiresMs, to: &facts, now: now)
        }
        if let tcp = report.tcp { KernelText.add(tcp, to: &facts) }
        if let socket = report.socket { facts.add("socket", KernelText.socket(socket)) }
        return facts
    }

    /// Which addresses were tried, how long each took, and why the last one won.
    static func add(_ attempts: [DialAttemptReport], from source: String?, to facts: inout LabelledList) {
        let names = [
            "dns": "DNS", "hosts": "the hosts file", "system": "the system's resolver", "loopback": "RFC 6761",
        ]
        if let source, let name = names[source] { facts.add("address from", name) }
        guard attempts.count > 1 || attempts.first?.lastResort == true else { return }
        for attempt in attempts {
            let outcome = attempt.outcome == "overtaken" ? "had not answered when another did" : word(attempt.outcome)
            facts.add(
                "tried",
                "\(SafeText.line(attempt.address)) after \(Formatting.duration(ms: attempt.beginMs)): \(outcome) in "
                    + Formatting.duration(ms: attempt.durationMs)
                    + (attempt.lastResort ? "; tried last, as it had failed lately" : ""),
                attempt.outcome == "connected" ? .plain : .warning)
        }
    }

    private static func word(_ outcome: String) -> String {
        SafeText.line(outcome.replacing("_", with: " "))
    }

    private static func cause(_ word: String) -> String {
        switch word {
        case "demand": "because a request needed one"
        case "warm_up": "ahead of demand (min_idle or prewarm)"
        case "replacement": "in place of one that ended"
        default: word
        }
    }
}
