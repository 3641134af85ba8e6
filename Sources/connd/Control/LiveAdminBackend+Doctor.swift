import AdminAPI
import AdminModels
import Diagnosis
import ForwardProxy
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// Examinations of origins.
extension LiveAdminBackend {
    private static let userAgent = "connd-doctor/\(ProductVersion.text)"

    func examine(_ name: String, _ request: DoctorRequest, actor: AdminActor) async throws(AdminRefusal) -> DoctorReport
    {
        let origin = try origin(named: name)
        let reason = try Self.checked(reason: request.reason)
        let plan = try Self.plan(request)
        let begun = await mailbox.run { Self.begin(plan, of: origin, $0) }
        let report: DoctorReport
        switch begun {
        case .success(let started): report = started
        case .failure(let refusal): throw refusal
        }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .doctor, subject: report.origin,
                after: "\(report.path), wait \(report.wait)", reason: reason))
        return report
    }

    func examination(of name: String) async throws(AdminRefusal) -> DoctorReport {
        let origin = try origin(named: name)
        guard let report = await mailbox.run({ Self.examiner(of: origin, $0.upstream).map(DoctorReport.init) }) else {
            throw .notFound("`\(origin)` was not examined since connd was started: connctl doctor \(origin)")
        }
        return report
    }

    func stopExamination(of name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal)
        -> DoctorReport
    {
        let origin = try origin(named: name)
        let reason = try Self.checked(reason: reason)
        let stopped = await mailbox.run { loop -> DoctorReport? in
            guard let examiner = Self.examiner(of: origin, loop.upstream), !examiner.isOver else { return nil }
            examiner.stop(.byOperator)
            return DoctorReport(examiner)
        }
        guard let stopped else { throw .notFound("`\(origin)` is not being examined: there is nothing to stop") }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .doctorStopped, subject: stopped.origin,
                reason: reason))
        return stopped
    }

    /// Requests to an `http` origin may go to the `https` one.
    static func target(_ origin: Origin, _ loop: UpstreamLoop) -> Origin {
        origin.scheme == .http && loop.originatesTLS(for: origin) ? origin.overTLS : origin
    }

    private static func examiner(of origin: Origin, _ loop: UpstreamLoop) -> OriginExaminer? {
        loop.examiners.examiner(of: target(origin, loop))
    }

    private static func begin(
        _ plan: ExaminationPlan, of origin: Origin, _ loop: ProxyLoop
    ) -> Result<DoctorReport, AdminRefusal> {
        let target = target(origin, loop.upstream)
        guard loop.configuration.destinations.verdict(onName: target) == .allowed else {
            return .failure(.conflict("`\(target)` is not examined: proxy.deny or proxy.allow forbids requests to it"))
        }
        do {
            return .success(DoctorReport(try loop.upstream.examiners.begin(plan, of: target, userAgent: userAgent)))
        } catch {
            return .failure(refusal(error, target))
        }
    }

    private static func refusal(_ refusal: ExaminationRefusal, _ origin: Origin) -> AdminRefusal {
        switch refusal {
        case .underWay:
            .conflict("`\(origin)` is being examined: connctl doctor \(origin) --last shows it, --stop ends it")
        case .tooMany(let count): .conflict("\(count) origins are being examined: wait until one of them is done")
        case .paused: .conflict("`\(origin)` is paused: connctl resume \(origin)")
        case .shutdown: .unavailable("connd is stopping")
        case .noRoom:
            .conflict(
                "`\(origin)` has no connection to spare: max_connections, max_upstream_connections or local ports"
                    + " are used up, or requests wait; where they may not wait for a second (max_queue, queue_timeout), half"
                    + " of the connections have to be free; try again when it is less busy")
        }
    }

    private static func plan(_ request: DoctorRequest) throws(AdminRefusal) -> ExaminationPlan {
        var problems: [FieldProblem] = []
        let path = request.path ?? "/"
        let text = "must begin with / and have no space, control character or #, such as /health"
        if !ExaminationPlan.isPath(path) { problems.append(FieldProblem(pointer: "/path", detail: text)) }
        if let post = request.postPath, !ExaminationPlan.isPath(post) {
            problems.append(FieldProblem(pointer: "/post_path", detail: text))
        }
        var wait = ExaminationPlan.usualWait
        if let given = request.wait {
            if let length = DurationText.parse(given), length == .zero || ExaminationPlan.waits.contains(length) {
                wait = length
            } else {
                problems.append(FieldProblem(pointer: "/wait", detail: "must be 1s to 15m, or 0s: `\(given)` is not"))
            }
        }
        guard let first = problems.first else {
            return ExaminationPlan(path: path, postPath: request.postPath, wait: wait)
        }
        throw .invalid("\(first.pointer) \(first.detail)", problems)
    }
}

extension DoctorReport {
    init(_ examiner: OriginExaminer) {
        self.init()
        let (plan, progress) = (examiner.plan, examiner.progress)
        origin = examiner.origin.description
        path = plan.path
        postPath = plan.postPath
        waitMs = plan.wait.wholeMilliseconds
        wait = APIFormat.duration(milliseconds: waitMs)
        startedMs = examiner.startedAt
        started = APIFormat.time(startedMs)
        endedMs = examiner.endedAt
        ended = endedMs.map(APIFormat.time)
        doing = progress.doing?.name
        idleConnections = progress.idleConnections
        idleForMs = progress.idleFor.wholeMilliseconds
        idleFor = APIFormat.duration(milliseconds: idleForMs)
        (requests, connections) = (progress.requests, progress.connections)
        findings = examiner.findings.map(FindingReport.init)
        remarks = Comparison.remarks(examiner.findings, examiner.inForce, after: examiner.inForceAfter)
            .map(RemarkReport.init)
        switch examiner.state {
        case .created, .running: state = "running"
        case .over(let reason?):
            state = "stopped"
            stoppedBecause = reason.sentence
        case .over(nil):
            if case .contact? = examiner.findings.first?.verdict { state = "done" } else { state = "unreachable" }
        }
    }
}

extension FindingReport {
    init(_ finding: Finding) {
        self.init()
        name = finding.subject.name
        verdict = finding.verdict.word
        if case .notMeasured = finding.verdict { measured = false }
        text = finding.verdict.sentence
        valueMs = finding.verdict.length.map { APIFormat.milliseconds($0.microseconds) }
        deviationMs = finding.verdict.deviation.map { APIFormat.milliseconds($0.microseconds) }
        count = finding.verdict.count
    }
}

extension RemarkReport {
    init(_ remark: Remark) {
        self.init()
        finding = remark.subject.name
        kind = remark.kind.rawValue
        text = remark.text
        setting = remark.setting
    }
}
