import AdminModels

/// Certificate authorities in words. Pure.
enum AuthorityText {
    enum Paragraph {
        case title(String)
        case facts(LabelledList)
        case note(String)
        case warning(String)
    }

    static let unconstrained = "! It is unconstrained: whoever has its key can sign for ANY name."

    static func domains(_ authority: AuthorityReport) -> String {
        authority.unconstrained ? "any name" : authority.domains.joined(separator: ", ")
    }

    // MARK: A new one

    /// What it does to trust.
    static func trust(_ authority: AuthorityReport) -> [String] {
        guard !authority.unconstrained else {
            return [
                "Programs that trust it accept connd in the place of ANY host. connd can then read and change what",
                "they send and receive. It has no constraints: whoever has its key can sign for ANY name, and so do the",
                "same anywhere. Prefer --for DOMAINS.",
            ]
        }
        return [
            "Programs that trust it accept connd in the place of any host in these domains and below them. connd can",
            "then read and change what they send to these hosts and receive. Its certificates are good for no other",
            "name, even if its key is stolen. The root's key is already destroyed; the intermediate's is in connd's",
            "state directory.",
        ]
    }

    static func next(_ authority: AuthorityReport) -> [String] {
        let host = authority.domains.first ?? "example.com"
        return [
            "Nothing trusts it yet, and nothing is intercepted yet. To go on:",
            "  sudo connctl ca install                   this host's programs trust it",
            #"  eval "$(connctl ca env)"                  those with their own roots, in this shell: Node, Python, …"#,
            "  connctl set https://\(host) intercept=on",
            "Undo: sudo connctl ca uninstall; connctl ca remove",
        ]
    }

    // MARK: All of them

    /// `installed`: on this host.
    static func show(
        _ report: AuthoritiesReport, installed: (serials: [String], hasFile: Bool), now: Int64
    ) -> [Paragraph] {
        var paragraphs: [Paragraph] = []
        if let problem = report.problem {
            paragraphs.append(
                .warning("! The certificate authority cannot be used, so nothing is intercepted: \(problem)"))
        } else if report.authorities.isEmpty {
            paragraphs.append(.note("No certificate authority. Make one: connctl ca create --for example.com"))
        }
        for authority in report.authorities {
            paragraphs.append(.title("\(authority.serial)  \(authority.role)"))
            paragraphs.append(.facts(facts(authority, report, installed.serials.contains(authority.serial), now)))
        }
        return paragraphs + warnings(report, installed, now)
    }

    private static func facts(
        _ authority: AuthorityReport, _ report: AuthoritiesReport, _ isInstalled: Bool, _ now: Int64
    ) -> LabelledList {
        var facts = LabelledList()
        facts.add(
            "signs for", authority.role == "retired" ? "nothing any more; its key is destroyed" : domains(authority))
        facts.add("made", Formatting.time(authority.created))
        facts.add("expires", Formatting.time(authority.intermediateExpires ?? authority.rootExpires))
        if authority.role == "next" { facts.add("takes over", report.switchAt.map { Formatting.time($0) }) }
        facts.add("SHA-256", authority.rootFingerprint)
        facts.add("this host", isInstalled ? "installed" : "not installed", .plain)
        return facts
    }

    private static func warnings(
        _ report: AuthoritiesReport, _ installed: (serials: [String], hasFile: Bool), _ now: Int64
    ) -> [Paragraph] {
        var texts: [String] = []
        for authority in report.authorities where authority.role != "retired" {
            if authority.unconstrained {
                texts.append("! \(authority.serial) is unconstrained: whoever has its key can sign for any name.")
            }
            let expiry = min(authority.intermediateExpiresMs ?? .max, authority.rootExpiresMs)
            if expiry - now < soon { texts.append("! \(authority.serial) expires soon or has: connctl ca rotate") }
        }
        let current = Set(report.authorities.filter { $0.role != "retired" }.map(\.serial))
        let stale = installed.serials.filter { !current.contains($0) }
        let missing = installed.serials.isEmpty ? [] : current.subtracting(installed.serials).sorted()
        if report.problem == nil, !stale.isEmpty || !missing.isEmpty {
            let command = current.isEmpty ? "sudo connctl ca uninstall" : "sudo connctl ca install"
            let parts =
                (stale.isEmpty ? [] : ["\(stale.joined(separator: ", ")) should no longer be installed here"])
                + (missing.isEmpty ? [] : ["\(missing.joined(separator: ", ")) should be installed here too"])
            texts.append("! \(parts.joined(separator: "; ")): \(command)")
        }
        return texts.map { .warning($0) }
    }

    private static let soon: Int64 = 30 * 86_400_000
}
