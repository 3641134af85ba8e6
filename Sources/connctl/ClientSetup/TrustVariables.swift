/// The variables by which programs are told which certificate authorities to trust. Pure.
enum TrustVariables {
    /// Its file is added to the program's own roots.
    static let additive = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]

    /// Its file takes the place of the program's own roots, so it has to hold all of them.
    static let complete = [
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "PERL_LWP_SSL_CA_FILE",
    ]

    static let names = additive + complete

    /// Two files: connd's roots alone, and all roots. Value.
    struct Files: Hashable {
        var additive: String
        var complete: String
    }

    static func values(_ files: Files) -> [(name: String, value: String)] {
        additive.map { ($0, files.additive) } + complete.map { ($0, files.complete) }
    }

    static func savedName(of name: String) -> String { "CONND_SAVED_\(name)" }

    /// `before`: the shell's variables. Values that are already saved stay, as they are from before the first call.
    static func set(_ files: Files, before: [String: String], _ shell: EnvironmentText.Shell) -> String {
        let values = values(files)
        let unsaved = values.map(\.name).filter { before[savedName(of: $0)] == nil }
        return unsaved.map {
            EnvironmentText.assignment(savedName(of: $0), ProxyVariables.saved(before[$0]), shell)
        }.joined() + values.map { EnvironmentText.assignment($0.name, $0.value, shell) }.joined()
    }

    /// The variables whose values connctl replaced.
    static func former(in variables: [String: String]) -> [ProxyVariables.Former] {
        names.compactMap { name in
            variables[savedName(of: name)].map {
                ProxyVariables.Former(
                    name: name, value: $0.isEmpty ? nil : String($0.dropFirst()), savedName: savedName(of: name))
            }
        }
    }

    /// Those that named a file of somebody else, whose roots may now be missing. `system`: the bundle that the complete file
    /// has all of.
    static func replaced(_ files: Files, system: String, before: [String: String]) -> [(name: String, value: String)] {
        names.compactMap { name in
            guard let value = before[name], !value.isEmpty, before[savedName(of: name)] == nil,
                ![files.additive, files.complete, system].contains(value)
            else { return nil }
            return (name, value)
        }
    }

    /// Options for `docker run` and `podman run`.
    static func container(_ files: Files) -> String {
        let inside = Files(additive: "/etc/connd-ca/connd-ca.pem", complete: "/etc/connd-ca/ca-bundle.pem")
        let mounts = [
            "--volume \(quoted(files.additive + ":" + inside.additive + ":ro"))",
            "--volume \(quoted(files.complete + ":" + inside.complete + ":ro"))",
        ]
        let variables = values(inside).map { "--env \($0.name)=\($0.value)" }
        return (mounts + variables).joined(separator: " \\\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:".contains($0)) }
        return plain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}
