import AdminClient
import AdminModels
import ArgumentParser
import Glibc

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examines an origin: how it treats connections, beside what connd knows and does.",
        discussion: """
            connctl doctor https://api.example.com
            connctl doctor example.com --for 5m           idle limits up to five minutes
            connctl doctor example.com --quick            a few seconds: without the idle limit
            connctl doctor example.com --path /health     where / is expensive or refused

            It measures whether connections are kept (HTTP/1.1 and 1.0), how long idle ones live, how many requests one \
            carries, how pipelined requests and half-closed connections are taken, whether TLS sessions are resumed, which \
            addresses answer, and how late data is acknowledged. connd opens the connections, so they take the same way as \
            its others.

            It is gentle: HEAD requests (GET where HEAD is refused), at most 150, one after another, never more \
            connections than max_connections allows, and it gives way as soon as requests wait. They count neither as \
            the origin's requests nor in its statistics; what its idle connections show is learned (connctl show).

            Ctrl-C ends the examination. Exit status 1 if the origin cannot be reached, or if it was stopped.
            """)

    @Argument(help: "An origin; written in full if connd has not seen it.", completion: .custom(Completion.origins))
    var origin: String

    @Option(help: ArgumentHelp("What is asked for. Default: /", valueName: "path"))
    var path: String?

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "How long idle connections are watched, 1s to 15m. Default: 75s. It ends earlier if all are closed earlier.",
            valueName: "time"))
    var wait: String?

    @Flag(help: "Do not watch idle connections.")
    var quick = false

    @Option(
        help: ArgumentHelp(
            """
            Begin a POST with Expect: 100-continue there, to see whether the origin asks for the body, which is never \
            sent. It may act on the head alone.
            """,
            valueName: "path"))
    var post: String?

    @Flag(help: "Show the examination that is under way, or the last one, and begin none.")
    var last = false

    @Flag(help: "Stop the examination that is under way.")
    var stop = false

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !(quick && wait != nil) else { throw ValidationError("--quick does not wait: leave out --for.") }
        guard !(last && stop) else { throw ValidationError("Either --last or --stop.") }
        let begins = path != nil || wait != nil || quick || post != nil
        guard !(last || stop) || !begins else {
            throw ValidationError("--last and --stop begin no examination: leave out the options of one.")
        }
        guard !last || reason == nil else { throw ValidationError("--last changes nothing: leave out --reason.") }
    }

    mutating func run() async throws {
        var request = DoctorRequest()
        (request.path, request.postPath, request.reason) = (path, post, reason)
        request.wait = quick ? "0s" : wait
        let (text, last, stop, reason) = (origin, last, stop, reason)
        try await Session.run(global) { session in
            let name = try await session.origin(text)
            session.about(.origin(name))
            if stop {
                let answer = try await session.client.stopExamination(of: name, reason: reason)
                return DoctorText.show(answer, in: session.output)
            }
            if last { return DoctorText.show(try await session.client.examination(of: name), in: session.output) }
            let begun = try await session.client.examine(name, request).content
            let visit = DoctorVisit(origin: begun.origin, client: session.client, output: session.output)
            let answer = try await visit.follow(begun)
            DoctorText.show(answer, in: session.output)
            try DoctorText.checkEnd(answer.content)
        }
    }
}

/// Follows one examination until it ends, or is interrupted.
struct DoctorVisit {
    let origin: String
    let client: AdminClient
    let output: Output

    private static let interval = Duration.milliseconds(250)

    func follow(_ begun: DoctorReport) async throws -> AdminAnswer<DoctorReport> {
        let progress = ProgressLine(output)
        InterruptFlag.watch()
        defer { progress.end() }
        var pace = DoctorText.LinePace()
        while true {
            if let number = InterruptFlag.raised {
                progress.end()
                let stopped = try await stop("interrupted")
                DoctorText.show(stopped, in: output)
                InterruptFlag.end(by: number)
            }
            let answer = try await client.examination(of: origin)
            let report = answer.content
            guard report.state == "running" else { return answer }
            if progress.isLive || pace.isDue(report) { progress.show(DoctorText.progress(report)) }
            do { try output.check() } catch {
                _ = try await stop("nobody reads what it finds")
                throw error
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// It may have ended in this moment: then what it found is the answer.
    func stop(_ reason: String) async throws -> AdminAnswer<DoctorReport> {
        do {
            return try await client.stopExamination(of: origin, reason: reason)
        } catch AdminFailure.refused(let problem) where problem.status == 404 {
            return try await client.examination(of: origin)
        }
    }
}

/// One line that changes on a terminal; elsewhere one line below the other, and none with JSON.
private final class ProgressLine {
    private let output: Output
    let isLive: Bool
    private var isShown = false

    init(_ output: Output) {
        self.output = output
        isLive = output.screen.movesCursor && !output.isJSON
    }

    func show(_ text: String) {
        guard !output.isJSON else { return }
        guard isLive else { return output.line(text) }
        isShown = true
        let line = DisplayWidth.cut(
            SafeText.line(text), to: max(output.screen.columns - 1, 20), sign: output.screen.hasUnicode ? "…" : "~")
        output.raw("\r\u{1B}[K" + TextStyle.dim.apply(line, color: output.screen.hasColor))
    }

    func end() {
        if isShown { output.raw("\r\u{1B}[K") }
        isShown = false
    }
}

/// Whether the user has asked the process to end. A second signal ends it at once.
private enum InterruptFlag {
    /// Only written by handlers, and read by the one task that runs a verb.
    nonisolated(unsafe) private static var number: sig_atomic_t = 0

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    static var raised: Int32? { number == 0 ? nil : number }

    /// A signal that is ignored stays ignored.
    static func watch() {
        for signal in signals {
            var action = sigaction()
            guard sigaction(signal, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { continue }
            action.sa_flags = SA_RESTART | Int32(truncatingIfNeeded: SA_RESETHAND)
            action.__sigaction_handler.sa_handler = { InterruptFlag.number = $0 }
            sigaction(signal, &action, nil)
        }
    }

    /// By the signal's default action, so that the shell sees which it was.
    static func end(by number: Int32) -> Never {
        signal(number, SIG_DFL)
        var one = sigset_t()
        sigemptyset(&one)
        sigaddset(&one, number)
        // The threads of the pool block signals.
        pthread_sigmask(SIG_UNBLOCK, &one, nil)
        raise(number)
        _exit(128 + number)
    }
}
