import FoundationEssentials

/// Whether a root is what connd says of it, so that nothing else comes into a trust store: exactly one certificate,
/// which can sign for the domains that connd names and for nothing else. The program openssl reads it, not connd. Value.
struct RootCheck {
    private let program: ExternalProgram

    init(_ environment: CommandEnvironment) throws(CommandFailure) {
        guard let program = ExternalProgram("openssl", variables: environment.variables) else {
            throw CommandFailure(
                "the program openssl is not installed, so connd's roots cannot be checked",
                next: ["apt install openssl"])
        }
        self.program = program
    }

    /// `allowsAnyName`: the operator has asked for an authority without constraints.
    func check(_ roots: [TrustStores.Root], allowsAnyName: Bool, verb: String) throws(CommandFailure) {
        for root in roots {
            let problem = try problem(with: root)
            if let problem {
                throw CommandFailure(
                    "the root \(root.serial) is not what connd says of it, so it is not trusted: \(problem)",
                    next: ["connctl ca show    and look at who answers for connd, and at its files"])
            }
            guard root.domains != nil || allowsAnyName else {
                throw CommandFailure(
                    "the root \(root.serial) is unconstrained: whoever has its key can sign for ANY name",
                    next: [
                        "connctl ca rotate --for example.com    for one that can sign for its domains only",
                        "connctl ca \(verb) --unconstrained    to trust it all the same",
                    ])
            }
        }
    }

    private func problem(with root: TrustStores.Root) throws(CommandFailure) -> String? {
        guard Self.isOneCertificate(root.pem) else { return "its text is not exactly one certificate" }
        let run: ExternalProgram.Run
        do throws(SetupProblem) {
            run = try program.run(["x509", "-noout", "-ext", "basicConstraints,nameConstraints"], input: root.pem)
        } catch { throw CommandFailure(error.reason, next: [error.next ?? "df -h /tmp"]) }
        guard run.status == 0 else { return "openssl cannot read it" }
        return Self.problem(in: run.output, root.domains)
    }

    /// One pair of BEGIN and END, and between them nothing but base64.
    static func isOneCertificate(_ text: String) -> Bool {
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        guard text.utf8.count <= 16384, lines.popLast()?.isEmpty == true,
            lines.popFirst().map({ String(decoding: $0, as: UTF8.self) }) == "-----BEGIN CERTIFICATE-----",
            lines.popLast().map({ String(decoding: $0, as: UTF8.self) }) == "-----END CERTIFICATE-----"
        else { return false }
        let base64 = lines.map { String(decoding: $0, as: UTF8.self) }.joined()
        guard let bytes = Data(base64Encoded: base64), !bytes.isEmpty else { return false }
        // openssl prints line ends in names as they are, so that one name would pass as several constraints.
        return bytes.firstRange(of: Data("\n    ".utf8)) == nil
    }

    /// `printed`: openssl's words for both extensions. Anything else than what connd makes is a problem.
    static func problem(in printed: String, _ domains: [String]?) -> String? {
        var found: [[String]] = []
        for line in printed.split(separator: "\n") {
            if !line.hasPrefix(" ") { found.append([]) }
            guard !found.isEmpty else { return "its constraints cannot be read" }
            found[found.count - 1].append(String(line.drop { $0 == " " }))
        }
        let basic = ["X509v3 Basic Constraints: critical", "CA:TRUE, pathlen:1"]
        guard found.contains(basic) else { return "it is no root of an authority with one level below it" }
        found.removeAll { $0 == basic }
        guard let domains else {
            return found.isEmpty ? nil : "it has name constraints, though connd says that it has none"
        }
        guard let names = found.first else { return "it has no name constraints, so it can sign for ANY name" }
        // Addresses have to be excluded apart, as names do not constrain them.
        let addresses = ["IP:0.0.0.0/0.0.0.0", "IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"]
        guard found.count == 1, names.prefix(2) == ["X509v3 Name Constraints: critical", "Permitted:"],
            names.suffix(3) == ["Excluded:"] + addresses,
            !domains.isEmpty, domains.allSatisfy({ !$0.isEmpty }),
            names.dropFirst(2).dropLast(3).sorted() == domains.map({ "DNS:" + $0 }).sorted()
        else { return "its name constraints are not exactly \(domains.joined(separator: ", "))" }
        return nil
    }
}
