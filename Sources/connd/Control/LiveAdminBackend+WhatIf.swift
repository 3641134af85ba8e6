import AdminAPI
import AdminModels
import ForwardProxy
import Learning
import ProxyTypes
import Tuning
import Upstream

/// What pools would do under other settings. Nothing is changed.
extension LiveAdminBackend {
    func whatIf(_ name: String, _ query: WhatIfQuery) async throws(AdminRefusal) -> WhatIfReport {
        let named = try origin(named: name)
        let origin = await mailbox.run { Self.target(named, $0.upstream) }
        let layers = shared.current
        var values = layers.values(for: origin)
        var problems: [FieldProblem] = []
        for (name, text) in query.settings.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting(name: name) else { continue }
            do throws(ValueProblem) {
                values[setting] = try setting.definition.kind.read(.text(text))
            } catch {
                problems.append(FieldProblem(pointer: "?\(name)", detail: error.description))
            }
        }
        guard problems.isEmpty else { throw .invalid("the question is invalid", problems) }
        let whatIf = try await recorded(origin)
        let asked = EffectiveSettings(values)
        var report = WhatIfReport(origin, whatIf, asked: asked)
        report.settings = WhatIfQuery.names.compactMap { name in
            guard let setting = Setting(name: name) else { return nil }
            var item = WhatIfSettingReport()
            item.name = name
            item.inForce = setting.write(layers.values(for: origin)[setting])
            item.asked = setting.write(values[setting])
            return item
        }
        return report
    }

    private func recorded(_ origin: Origin) async throws(AdminRefusal) -> WhatIf {
        switch await mailbox.run({ $0.upstream.traffic(of: origin) }) {
        case .recorded(let whatIf):
            guard !whatIf.isEnough else { return whatIf }
            let (seen, time) = (whatIf.requests, APIFormat.duration(milliseconds: whatIf.observed.wholeMilliseconds))
            throw Self.tooLittle("\(seen) requests in \(time)")
        case .fewRequests(let count): throw Self.tooLittle("\(count) requests")
        case .noPool:
            throw .notFound(
                "no request has gone to `\(origin)` since connd was started: there is nothing to predict from")
        case .noRoom:
            throw .conflict(
                "the traffic of `\(origin)` is not recorded: other origins take up all records; one that was not asked for "
                    + "an hour gives its record up")
        }
    }

    private static func tooLittle(_ seen: String) -> AdminRefusal {
        .conflict(
            "too little was recorded to predict from: \(seen), and at least \(WhatIf.leastRequests) in "
                + "\(APIFormat.duration(milliseconds: WhatIf.leastTime.wholeMilliseconds)) are needed; ask again later")
    }
}
