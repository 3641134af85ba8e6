import AdminModels
import Learning
import ProxyTypes
import Tuning
import Upstream

extension LearnedReport {
    /// `now` in milliseconds since 1970.
    /// `obeyed`: the age at which idle connections are closed for it, if they are.
    init(_ learning: IdleLearning, obeyed: Interval?, now: Int64) {
        self.init()
        let (learner, bounds) = (learning.learner, learning.bounds)
        state = bounds.state.rawValue
        text = learner.text(now: now)
        confidence = learner.confidence(now: now)
        if let estimate = learner.estimate() {
            limitMs = estimate.limit.wholeMilliseconds
            deviationMs = estimate.deviation.wholeMilliseconds
            hits = estimate.hits
        }
        limit = limitMs.map(APIFormat.duration(milliseconds:))
        deviation = deviationMs.map(APIFormat.duration(milliseconds:))
        (closes, restarts) = (Int(learner.closes), learner.restarts)
        onceMs = bounds.post.wholeMilliseconds
        repeatableMs = bounds.repeat.wholeMilliseconds
        retireMs = (obeyed ?? bounds.retire).wholeMilliseconds
        once = APIFormat.duration(milliseconds: onceMs)
        repeatable = APIFormat.duration(milliseconds: repeatableMs)
        retire = APIFormat.duration(milliseconds: retireMs)
        zones = bounds.zones.indices.map { IdleZoneReport(bounds.zones[$0]) }
        inForce = obeyed != nil
        countsFromRequest = bounds.countsFromRequest
        changedMs = learning.changed
        changed = changedMs.map(APIFormat.time)
    }
}

extension IdleZoneReport {
    init(_ zone: IdleBounds.Zone) {
        self.init()
        fromMs = zone.low.wholeMilliseconds
        toMs = zone.high.wholeMilliseconds
        from = APIFormat.duration(milliseconds: fromMs)
        to = APIFormat.duration(milliseconds: toMs)
    }
}

extension ResolvedSettingReport {
    /// `auto` means the learned value where one is in force.
    func learned(_ learned: LearnedReport) -> ResolvedSettingReport {
        guard learned.inForce else { return self }
        var report = self
        report.base = value
        report.value = learned.retire
        report.valueMs = learned.retireMs
        report.source = SettingLayer.learned.word
        report.place = nil
        report.actor = nil
        report.reason = learned.text
        report.time = learned.changed
        report.timeMs = learned.changedMs
        return report
    }
}
