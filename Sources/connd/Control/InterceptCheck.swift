import LocalCA
import ProxyTypes
import Tuning

/// Which hosts may not be intercepted, because no authority of this host may sign for them, and which of the users that
/// `intercept_except` names do not exist. Value.
struct InterceptCheck: Sendable {
    /// Those that are in force.
    let authorities: @Sendable () -> SigningAuthorities
    var userExists: @Sendable (String) -> Bool = { Users.number(of: $0) != nil }

    /// `pattern`: nil for every origin.
    func objection(to setting: Setting, _ value: SettingValue, for pattern: HostPattern?) -> String? {
        switch (setting, value) {
        case (.intercept, .flag(true)): objection(to: pattern ?? .any)
        case (.interceptExcept, .clients(let clients)):
            ClientExceptions(clients).userNames.first { !userExists($0) }.map {
                "there is no user `\($0)` on this host"
            }
        default: nil
        }
    }

    private func objection(to pattern: HostPattern) -> String? {
        guard pattern.scheme != .http else { return "http origins have no TLS that connd could end: name a host" }
        return switch pattern.host {
        case .any: "must be set for named hosts, such as example.com or *.example.com: connd never intercepts all hosts"
        case .address: "connd signs for no addresses: use the host's name"
        case .name(let name): objection(to: name, for: pattern)
        case .below(let suffix): objection(to: String(suffix.dropFirst()), for: pattern)
        }
    }

    private func objection(to domain: String, for pattern: HostPattern) -> String? {
        let asked: PermittedDomain
        do {
            asked = try PermittedDomain(parsing: domain)
        } catch {
            return "connd cannot sign for \(domain): \(error)"
        }
        let known = authorities()
        guard let host = try? OriginHost(parsing: domain), !known.permit(host) else { return nil }
        guard let newest = known.all.last else {
            return
                "connd has no certificate authority to sign for \(asked): run `connctl ca create --for \(asked)`"
        }
        let domains = (newest.domains ?? []).map(\.description)
        return "connd's certificate authority may sign for \(domains.joined(separator: ", ")) only: run "
            + "`connctl ca rotate --for \((domains + ["\(asked)"]).joined(separator: ","))`"
    }
}
