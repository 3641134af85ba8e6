import AdminModels
import Advising
import Logging
import Metering
import ProxyTypes
import Reactor
import Store
import Tuning

/// Trials: judging them by what is measured, and ending them.
extension AdviceControl {
    /// Returns how many trials have ended.
    func judge(_ origins: [Origin: OriginEntry], isAsked: Bool, now: Moment) async -> Int {
        var ended = 0
        for record in book.records.values {
            guard case .onTrial(let trial) = record.state, case .set(let setting, let value) = record.advice.change
            else {
                continue
            }
            guard let row = await row(of: setting, record.id.origin, in: .trial), row.holds(value) else {
                let after = await self.row(of: setting, record.id.origin, in: .override)
                let isInForce = after?.holds(value) ?? false
                await end(record, trial, .settledElsewhere(isInForce: isInForce), now: now)
                ended += 1
                continue
            }
            if await overrideSet(since: row) != nil {
                // The trial hides what somebody wants by now.
                if await settle(record, trial, .settledElsewhere(isInForce: false), now: now) { ended += 1 }
                continue
            }
            let counted = origins[record.id.origin]?.snapshot.statistics ?? OriginStatistics()
            if trials[record.id].map({ counted.requestCount < $0.base.requestCount }) ?? true {
                // connd was started again, or the origin was forgotten.
                trials[record.id] = stretch(of: record.id.origin, from: counted, now: now.instant)
            }
            guard let stretch = trials[record.id] else { continue }
            trials[record.id]?.levels.look(
                idle: origins[record.id.origin]?.snapshot.gauges.idle ?? 0, busy: 0)
            let after = Sample(stretch.facts(counted, learned: nil, now: now.instant))
            let end = TrialRules.end(
                Verification(record.advice), before: trial.before, after: after,
                age: .milliseconds(max(now.wall - trial.accepted.time, 0)), isAsked: isAsked)
            let finding: TrialOutcome.Finding
            switch end {
            case .goesOn: continue
            case .confirm(let after): finding = .confirmed(after: after)
            case .revert(let fault): finding = .reverted(fault)
            }
            if await settle(record, trial, finding, now: now) { ended += 1 }
        }
        return ended
    }

    private func settle(
        _ record: AdviceRecord, _ trial: RunningTrial, _ finding: TrialOutcome.Finding, now: Moment
    ) async -> Bool {
        guard case .set(let name, _) = record.advice.change, let setting = Setting(name: name) else { return false }
        let pattern = HostPattern(record.id.origin)
        let reason = AdviceText.outcome(finding, of: record.advice)
        do throws(AdminRefusal) {
            try await change { overrides throws(SettingProblems) in
                switch finding {
                case .confirmed:
                    try overrides.confirm(
                        pattern: pattern, settings: [setting], actor: "connd", reason: reason, now: SystemClock.now())
                case .reverted, .settledElsewhere:
                    try overrides.revert(
                        pattern: pattern, settings: [setting], actor: "connd", reason: reason, now: SystemClock.now())
                }
            }
        } catch {
            logger.warning(
                "a trial cannot be ended yet",
                metadata: ["advice": "\(record.id)", "reason": "\(error.problem)"])
            return false
        }
        await self.end(record, trial, finding, now: now)
        return true
    }

    private func end(
        _ record: AdviceRecord, _ trial: RunningTrial, _ finding: TrialOutcome.Finding, now: Moment
    ) async {
        let outcome = TrialOutcome(accepted: trial.accepted, finding: finding, time: now.wall)
        book.ended(record.id, outcome)
        trials[record.id] = nil
        await audit(
            outcome.isConfirmed ? .adviceConfirmed : .adviceReverted, record.id, "connd",
            AdviceText.outcome(finding, of: record.advice))
    }
}
