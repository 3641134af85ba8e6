import AdminModels
import ConfigurationFile
import ForwardProxy
import Metering
import ProxyTypes
import Reactor

/// Collects what clients that stay connected ask for, and reports by program. Shared.
struct ProgramWatch: Sendable {
    private let mailbox: LoopMailbox
    private let programs: ClientPrograms

    private static let pause = Duration.seconds(1)
    /// In one round of the loop.
    private static let clientsAtOnce = 1024

    init(mailbox: LoopMailbox, programs: ClientPrograms) {
        self.mailbox = mailbox
        self.programs = programs
    }

    /// Until its task is cancelled.
    func run() async {
        while (try? await Task.sleep(for: Self.pause)) != nil { await collect() }
    }

    /// Afterwards all counts are current, but of connections that are still looked up.
    private func collect() async {
        var next: Int? = 0
        while let first = next {
            next = await mailbox.run { $0.tellUses(from: first, count: Self.clientsAtOnce) }
        }
        if programs.needsLiving {
            let (living, before) = await mailbox.run { $0.livingClients }
            programs.keepOnly(living, before: before)
        }
        await programs.look()
    }

    /// By clients' numbers; nil where they are not known.
    func names(of clients: [UInt64]) async -> [String?] {
        await programs.look()
        return programs.read { table in clients.map { table.program(of: $0)?.name } }
    }

    func facts() async -> ProgramFigures {
        await collect()
        var figures = programs.read { table in
            var figures = ProgramFigures()
            (figures.series, figures.attributions) = (table.series, table.attributions)
            return figures
        }
        (figures.timeTaken, figures.dropped) = (programs.timeTaken.microseconds, programs.dropped)
        return figures
    }

    func report(enabled: Bool) async -> ProgramsReport {
        await collect()
        var report = ProgramsReport()
        report.enabled = enabled
        report.timeMs = SystemClock.wall()
        report.time = APIFormat.time(report.timeMs)
        let now = SystemClock.instant()
        let (found, attributions, waiting) = programs.read { table in
            (table.programs(now: now), table.attributions, table.waiting)
        }
        report.attribution = AttributionReport(attributions)
        report.attribution.waiting = waiting
        report.attribution.dropped = programs.dropped
        report.attribution.cpuMs = APIFormat.milliseconds(programs.timeTaken.microseconds)
        report.programs = found.map { ProgramReport($0, now: now) }
        return report
    }
}

extension AttributionReport {
    init(_ counts: Counters<Attribution>) {
        self.init()
        found = counts[.found]
        assumed = counts[.assumed]
        userOnly = counts[.userOnly]
        processNotFound = counts[.processNotFound]
        gone = counts[.gone]
        remote = counts[.remote]
        tooMany = counts[.tooMany]
        failed = counts[.failed]
    }
}

extension ProgramReport {
    private static let mostOrigins = 10

    init(_ program: ProgramTable.Program, now: Instant) {
        self.init()
        self.program = program.key.name
        kind = program.key.kind
        uid = program.key.user.map { Int($0) }
        user = program.key.user.flatMap(Users.name)
        if program.facts.process > 0 { pid = Int(program.facts.process) }
        executable = program.facts.executable
        unit = program.facts.unit
        let counts = program.counts
        (requests, connections, errors, open) = (counts.requests, counts.connections, counts.errors, program.open)
        requestsPerMinute = Self.rounded(counts.requestRate.value(now: now))
        connectionsPerMinute = Self.rounded(counts.connectionRate.value(now: now))
        let busiest = program.busiestOrigins(now: now)
        origins = busiest.prefix(Self.mostOrigins).map { ProgramOriginReport($0.origin, $0.counts, now: now) }
        otherOriginsRequests =
            program.otherOrigins.requests + busiest.dropFirst(Self.mostOrigins).reduce(0) { $0 + $1.counts.requests }
    }

    fileprivate static func rounded(_ rate: Double) -> Double { (rate * 10).rounded() / 10 }
}

extension ProgramOriginReport {
    init(_ origin: Origin, _ counts: ProgramTable.Counts, now: Instant) {
        self.init()
        self.origin = origin.description
        (requests, connections, errors) = (counts.requests, counts.connections, counts.errors)
        requestsPerMinute = ProgramReport.rounded(counts.requestRate.value(now: now))
        connectionsPerMinute = ProgramReport.rounded(counts.connectionRate.value(now: now))
    }
}

extension LiveAdminBackend {
    func programs() async -> ProgramsReport {
        await programWatch.report(enabled: configured.current.loaded.configuration.proxy.clientPrograms == .on)
    }
}
