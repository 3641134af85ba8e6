import AdminAPI
import AdminModels

/// What is asked of one origin: predictions and examinations, which are samples.
extension FakeBackend {
    func whatIf(_ name: String, _ query: WhatIfQuery) async throws(AdminRefusal) -> WhatIfReport {
        try check(origin: name)
        var report = Samples.whatIf
        report.settings = query.settings.sorted { $0.key < $1.key }.map { name, value in
            var setting = WhatIfSettingReport()
            (setting.name, setting.asked) = (name, value)
            return setting
        }
        return report
    }

    func examine(_ name: String, _ request: DoctorRequest, actor: AdminActor) async throws(AdminRefusal)
        -> DoctorReport
    {
        try check(origin: name)
        try change("doctor \(name) \(request.path ?? "") \(request.wait ?? "")", actor, request.reason)
        return Samples.doctor
    }

    func examination(of name: String) async throws(AdminRefusal) -> DoctorReport {
        try check(origin: name)
        return Samples.doctor
    }

    func stopExamination(of name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal)
        -> DoctorReport
    {
        try check(origin: name)
        try change("stop doctor \(name)", actor, reason)
        return Samples.doctor
    }
}
