import AdminClient
import AdminModels

/// Describes failed requests: what went wrong and what to do next. Pure.
struct ErrorText: Sendable {
    var daemon: FoundDaemon
    var token: FoundToken
    /// The subject of a 404 or 409.
    var subject: Subject = .none
    /// Known settings, to suggest one for an unknown name.
    var settings: [String] = []

    enum Subject: Hashable, Sendable {
        case none, origin(String), pattern(String), trial(String), connection, exchange, gateway, authority, document
        case reload
    }

    func failure(_ error: AdminFailure) -> CommandFailure {
        switch error {
        case .notReachable(let address, let reason): notReachable(address, reason)
        case .unexpected(let address, let reason):
            CommandFailure(
                "\(address) is not understood: \(reason)",
                next: [
                    "connctl version    shows whether connd and connctl are of the same version",
                    "connctl --admin URL …    if connd's admin API is elsewhere",
                ])
        case .refused(let problem): refused(problem)
        }
    }

    private func notReachable(_ address: AdminAddress, _ reason: String) -> CommandFailure {
        var tried = daemon.passedOver.map { "tried \($0)" }
        var place = ""
        switch daemon.source {
        case .option: place = " (--admin)"
        case .variable: place = " ($CONNCTL_ADMIN)"
        case .stateFile(let file): place = " (from \(file))"
        case .systemSocket, .standard: break
        }
        tried.append("tried \(address)\(place): \(reason)")
        let next =
            switch daemon.source {
            case .option, .variable: "check that address: `connd` prints where its admin API listens when it starts"
            default: "connctl --admin URL …    if it listens elsewhere"
            }
        return CommandFailure(
            "connd is not reachable", details: tried, status: .notReachable,
            next: ["start it: `connd &`, or `systemctl start connd`", next])
    }

    private func refused(_ problem: Problem) -> CommandFailure {
        let message = problem.detail.isEmpty ? problem.title : problem.detail
        var details = (problem.errors ?? []).map { field in
            let name = field.pointer.hasPrefix("/settings/") ? String(field.pointer.dropFirst(10)) : field.pointer
            let word = name.hasPrefix("/") ? name.dropFirst() : name[...]
            let isNamed = word.isEmpty || field.detail.contains(word)
            return isNamed ? field.detail : "\(name): \(field.detail)"
        }
        // To fix a refused token, one needs to know which file it came from.
        if problem.status == 401 { details.append(token.explanation) }
        // A single problem that the message already contains is not repeated.
        let only = details.count == 1 ? problem.errors?.first?.detail ?? details[0] : nil
        let isRepeated = only.map { message.contains($0) || message.contains(details[0]) } ?? false
        return CommandFailure(
            message.isEmpty ? "connd answered \(problem.status)" : message, details: isRepeated ? [] : details,
            status: problem.status == 412 ? .preconditionFailed : .failed, next: next(problem))
    }

    private func next(_ problem: Problem) -> [String] {
        if let next = reason(problem) { return [next] }
        if case .trial = subject, [404, 409, 422].contains(problem.status) {
            return [
                "connctl diff    shows what is on trial, and where",
                "connctl audit    shows whether the trial ran out: then set it again",
            ]
        }
        if subject == .document, [400, 422].contains(problem.status) {
            return ["connctl export    shows what such a document looks like"]
        }
        if subject == .reload, [409, 422].contains(problem.status) {
            if problem.errors?.isEmpty ?? true {
                return ["connd --config FILE …    `connctl config` shows what it runs with"]
            }
            return ["correct the file, then connctl reload; until then connd keeps its configuration"]
        }
        switch problem.status {
        case 401:
            if let next = token.next { return [next] }
            return ["connctl --token-file FILE …    with the file that connd names, as a user who may read it"]
        case 403:
            return daemon.address.isUnixSocket
                ? ["run it as root or as the user of connd: sudo connctl …"]
                : ["connctl --admin http://127.0.0.1:3129 …    with the address connd listens on"]
        case 404: return notFound
        case 405, 406, 415, 421: return ["connctl version    shows whether connd and connctl are of the same version"]
        case 409: return conflict
        case 412:
            return ["connctl show \(subjectText ?? "ORIGIN")    shows what is set now, and the revision to give"]
        case 413: return ["split the document: connctl import takes parts one after the other"]
        case 422: return invalid(problem)
        case 503: return ["connctl status    shows what is wrong with the database, or whether connd is stopping"]
        case 500...: return ["journalctl -u connd    this is a fault of connd's own: please report what it says there"]
        default: return ["connctl status"]
        }
    }

    /// Nil unless a reason is missing or wrong, and nothing else is.
    private func reason(_ problem: Problem) -> String? {
        guard let fields = problem.errors, !fields.isEmpty, fields.allSatisfy({ $0.pointer.hasSuffix("/reason") })
        else {
            return nil
        }
        return "connctl … --reason \"why\"    it is kept in the audit trail and shown with the setting"
    }

    private var notFound: [String] {
        switch subject {
        case .connection: ["connctl conns    lists open connections; connctl conns --state closed    closed ones"]
        case .exchange: ["connctl explain    lists the latest slow and failed exchanges"]
        case .gateway: ["connctl gateway list    shows the gateways"]
        case .authority: ["connctl ca create --for example.com    makes one"]
        case .origin, .pattern, .trial, .document, .reload, .none:
            ["connctl list    shows the origins that connd knows"]
        }
    }

    private var conflict: [String] {
        if subject == .gateway { return ["connctl gateway list    shows the gateways, and where each listens"] }
        if subject == .authority {
            return ["connctl ca show    shows the certificate authority, and what it may sign for"]
        }
        guard let subjectText else { return ["connctl status", "connctl audit    shows what was changed, by whom"] }
        return [
            "connctl show \(subjectText)    shows what is in force now",
            "connctl audit    shows what was changed, by whom, and which trials ran out",
        ]
    }

    private func invalid(_ problem: Problem) -> [String] {
        let names = (problem.errors ?? []).compactMap { field -> String? in
            guard field.pointer.hasPrefix("/settings/") else { return nil }
            return String(field.pointer.dropFirst(10).prefix { $0 != "/" })
        }
        if let unknown = names.first(where: { !settings.isEmpty && !settings.contains($0) }) {
            let near = SpellingSuggestion.all(unknown, among: settings)
            let meant = near.isEmpty ? [] : ["did you mean \(near.joined(separator: ", "))?"]
            return meant + ["connctl settings    lists them all"]
        }
        if let name = names.first { return ["connctl settings \(name)    says what it takes"] }
        if subject == .gateway { return ["connctl help gateway    says what a gateway takes"] }
        if subject == .authority { return ["connctl help ca    says what a certificate authority takes"] }
        return ["connctl settings    says what each setting takes"]
    }

    private var subjectText: String? {
        switch subject {
        case .origin(let name): name
        case .pattern(let name), .trial(let name): name == "*" ? "all" : name
        case .connection, .exchange, .gateway, .authority, .document, .reload, .none: nil
        }
    }
}
