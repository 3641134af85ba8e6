import AdminAPI
import AdminModels
import AuthorityFiles
import LocalCA
import ProxyTypes
import Reactor
import Tuning

/// The certificate authorities.
extension LiveAdminBackend {
    func authorities() async -> AuthoritiesReport {
        await authorityControl.report(now: SystemClock.wall())
    }

    func createAuthority(_ request: AuthorityRequest, actor: AdminActor) async throws(AdminRefusal)
        -> AuthoritiesReport
    {
        let reason = try Self.checked(reason: request.reason)
        guard let domains = try Self.domains(request.domains, unconstrained: request.unconstrained ?? false) else {
            let text = "must name the domains that it may sign for"
            throw .invalid("domains are missing", [FieldProblem(pointer: "/domains", detail: text)])
        }
        try await authorityControl.create(domains, actor: actor, reason: reason)
        return await authorities()
    }

    func rotateAuthority(_ request: RotationRequest, actor: AdminActor) async throws(AdminRefusal)
        -> AuthoritiesReport
    {
        let reason = try Self.checked(reason: request.reason)
        let domains = try Self.domains(request.domains, unconstrained: request.unconstrained ?? false)
        guard let delay = DurationText.parse(request.switchAfter ?? Self.standardDelay), delay <= Self.longestDelay
        else {
            let text = "must be a duration such as 24h, 0s to 720h"
            throw .invalid("the rotation is invalid", [FieldProblem(pointer: "/switch_after", detail: text)])
        }
        try await authorityControl.rotate(domains, after: delay, actor: actor, reason: reason)
        return await authorities()
    }

    func removeAuthorities(actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AuthoritiesReport {
        try await authorityControl.remove(actor: actor, reason: try Self.checked(reason: reason))
        return await authorities()
    }

    private static let standardDelay = "24h"
    private static let longestDelay = Interval.seconds(720 * 3600)

    /// Nil where neither is said; `.some(nil)`: without name constraints.
    private static func domains(_ names: [String]?, unconstrained: Bool) throws(AdminRefusal) -> [PermittedDomain]?? {
        guard let names else { return unconstrained ? .some(nil) : nil }
        var domains: [PermittedDomain] = []
        var problems: [FieldProblem] = []
        if unconstrained {
            problems.append(FieldProblem(pointer: "/unconstrained", detail: "must not be given together with domains"))
        }
        if names.isEmpty {
            problems.append(FieldProblem(pointer: "/domains", detail: "must name at least one domain"))
        }
        for (index, name) in names.enumerated() {
            do throws(PermittedDomain.Problem) {
                let domain = try PermittedDomain(parsing: name)
                if !domains.contains(domain) { domains.append(domain) }
            } catch {
                problems.append(FieldProblem(pointer: "/domains/\(index)", detail: "`\(name)`: \(error)"))
            }
        }
        guard problems.isEmpty else { throw .invalid("the domains are invalid", problems) }
        return domains
    }
}

extension AuthorityControl {
    func report(now: Int64) -> AuthoritiesReport {
        var report = AuthoritiesReport()
        report.path = directory?.path
        switch state {
        case .unusable(let problem):
            report.state = "unusable"
            report.problem = problem
        case .ready(let stored):
            report.state = stored.signing.isEmpty ? "none" : "ready"
            report.switchAtMs = stored.index.switchTime(now: now)
            report.switchAt = report.switchAtMs.map(APIFormat.time)
            report.authorities = stored.index.authorities.compactMap { entry in
                let signing = stored.signing.first { $0.serial == entry.serial }
                guard let root = signing?.root ?? stored.retired[entry.serial] else { return nil }
                var report = AuthorityReport(entry, root: root, intermediate: signing?.intermediate)
                report.role = stored.index.role(of: entry, now: now).rawValue
                return report
            }
        }
        return report
    }

    func statusReport(now: Int64) -> AuthorityStatusReport {
        let full = report(now: now)
        var report = AuthorityStatusReport()
        report.state = full.state
        report.expiresMs = full.expiry
        report.expires = report.expiresMs.map(APIFormat.time)
        report.warnings = AuthorityWarnings(report: full, now: now).texts
        return report
    }
}

extension AuthoritiesReport {
    /// When the first certificate that is in use expires.
    var expiry: Int64? { authorities.compactMap(\.expiry).min() }
}

extension AuthorityReport {
    init(_ entry: AuthorityIndex.Entry, root: Certificate, intermediate: Certificate?) {
        self.init()
        serial = entry.serial
        domains = entry.domains ?? []
        unconstrained = entry.domains == nil
        createdMs = entry.created
        created = APIFormat.time(entry.created)
        rootExpiresMs = root.expires
        rootExpires = APIFormat.time(root.expires)
        intermediateExpiresMs = intermediate?.expires
        intermediateExpires = intermediateExpiresMs.map(APIFormat.time)
        rootFingerprint = root.fingerprint
        rootPEM = (try? root.pem()) ?? ""
    }

    /// Of the certificate that expires first; nil if it signs no more.
    var expiry: Int64? { intermediateExpiresMs.map { min($0, rootExpiresMs) } }
}

/// What an operator should know about the authorities, or do. Value.
struct AuthorityWarnings {
    let report: AuthoritiesReport
    let now: Int64

    private static let day: Int64 = 86_400_000
    private static let soon = 30 * day

    var texts: [String] {
        if let problem = report.problem {
            return ["The certificate authority cannot be used, so nothing is intercepted: \(problem)"]
        }
        return report.authorities.flatMap(warnings)
    }

    private func warnings(_ authority: AuthorityReport) -> [String] {
        guard let expiry = authority.expiry else { return [] }
        let name = "The certificate authority \(authority.serial)"
        let date = APIFormat.time(expiry)
        var texts: [String] = []
        if expiry <= now {
            texts.append("\(name) expired at \(date), so it signs nothing more: rotate it")
        } else if expiry - now < Self.soon {
            let days = (expiry - now) / Self.day
            texts.append("\(name) expires at \(date), in \(days == 1 ? "1 day" : "\(days) days"): rotate it")
        }
        if authority.unconstrained {
            texts.append("\(name) is unconstrained: whoever has its key can sign for any name")
        }
        return texts
    }
}
