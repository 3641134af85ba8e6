import Testing

@testable import connctl

@Suite("Proxy variables beside those of the user")
struct ProxyVariablesTests {
    private static let local = "localhost,127.0.0.1,::1,[::1]"

    @Test(
        "what connd needs is added to the user's exceptions, once, and nothing of theirs is lost",
        arguments: [
            (nil, nil, local), ("", nil, local), (nil, "", local), (",", nil, local),
            (".corp.test,10.0.0.0/8", nil, ".corp.test,10.0.0.0/8,\(local)"),
            (nil, ".corp.test", ".corp.test,\(local)"), ("", ".corp.test", ".corp.test,\(local)"),
            (".a", ".b", ".a,\(local)"), (".a,", nil, ".a,\(local)"), (".a, ", nil, ".a, \(local)"),
            ("LOCALHOST, 127.0.0.1 ,::1,[::1]", nil, "LOCALHOST, 127.0.0.1 ,::1,[::1]"),
            ("::1,.a", nil, "::1,.a,localhost,127.0.0.1,[::1]"),
            ("localhost:8080 127.0.0.0/8", nil, "localhost:8080 127.0.0.0/8,\(local)"),
            ("*", nil, "*"), (" * ", ".b", " * "), (nil, "*", "*"), ("*,.a", nil, "*,.a,\(local)"),
        ] as [(String?, String?, String)])
    func exceptions(own: String?, other: String?, merged: String) {
        #expect(ProxyVariables.exceptions(own, otherSpelling: other) == merged)
        #expect(ProxyVariables.exceptions(merged, otherSpelling: other) == merged)
    }

    @Test("a variable that was not set is told from one that was empty")
    func saved() {
        let values: [String?] = [nil, "", "=", ".corp"]
        for value in values {
            let savedName = ProxyVariables.savedName(of: "no_proxy")
            let found = ProxyVariables.former(in: [savedName: ProxyVariables.saved(value)])
            #expect(found == [.init(name: "no_proxy", value: value, savedName: savedName)])
        }
        #expect(ProxyVariables.former(in: ["no_proxy": ".corp"]).isEmpty)
        #expect(Set(ProxyVariables.names.map(ProxyVariables.savedName)).count == ProxyVariables.names.count)
    }

    @Test("systemd's variables are read with their quotes")
    func serviceEnvironment() {
        let output = "LANG=C\nno_proxy=$'.corp,[::1]'\nX=a=b\nQ=$'it\\'s \\\\'\nE=\n"
        #expect(
            ServiceEnvironment.parse(output) == [
                "LANG": "C", "no_proxy": ".corp,[::1]", "X": "a=b", "Q": #"it's \"#, "E": "",
            ])
        #expect(ServiceEnvironment.isPlain(".corp,10.0.0.0/8,[fe80::1%eth0],*"))
        #expect(!ServiceEnvironment.isPlain("a\"b") && !ServiceEnvironment.isPlain("$HOME"))
    }

    // MARK: In real shells

    /// How each takes what connctl prints, as its help says.
    private static func takes(_ shell: EnvironmentText.Shell) -> (arguments: [String], command: String) {
        switch shell {
        case .sh, .bash: (["-euc"], #"eval "$(cat "$TEXT")"; env"#)
        case .zsh: (["-fuc"], #"eval "$(cat "$TEXT")"; env"#)
        case .fish: (["--no-config", "-c"], #"cat "$TEXT" | source; env"#)
        case .csh, .tcsh: (["-fc"], #"eval `cat "$TEXT"`; env"#)
        }
    }

    /// The variables of a shell after it has taken what `connctl env` prints to it.
    private func evaluate(
        _ shell: EnvironmentText.Shell, _ world: World, _ variables: [String: String], _ options: String...
    ) async throws -> [String: String] {
        var world = world
        world.environment.variables.merge(variables) { $1 }
        let printed = await world.run(["env", "--shell", shell.rawValue] + options)
        #expect(printed.status == .ok, "\(printed)")
        let file = try world.folder.write("printed", printed.output)
        let own = ["PATH": "/usr/bin:/bin", "HOME": world.folder.path, "TEXT": file]
        let program = try #require(
            ExternalProgram(shell.rawValue, variables: own.merging(variables) { $1 }), "\(shell) is not installed")
        let (arguments, command) = Self.takes(shell)
        let run = try program.run(arguments + [command])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
        return run.output.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            .filter { $0[0].lowercased().hasSuffix("_proxy") || $0[0].hasPrefix("CONND_") }
            .reduce(into: [:]) { $0[$1[0]] = $1.count > 1 ? $1[1] : "" }
    }

    private static let befores: [[String: String]] = [
        [:],
        ["NO_PROXY": ".corp.test,10.0.0.0/8", "http_proxy": "", "all_proxy": "socks5://127.0.0.1:9"],
        ["no_proxy": "", "NO_PROXY": "*", "HTTP_PROXY": "http://old:1"],
        [
            "no_proxy": "a b,  c*,it's", "https_proxy": #"http://u:it's!\$x`y"@corp:8080/"#, "HTTPS_PROXY": "http://x",
            "http_proxy": "http://[::1]:8080",
        ],
    ]

    @Test(
        "every shell gets the proxy, keeps its exceptions, and has all as it was after --unset; twice is as once",
        arguments: EnvironmentText.Shell.allCases, befores)
    func shells(shell: EnvironmentText.Shell, before: [String: String]) async throws {
        try await World.withDaemon({ _ in .json(Samples.status) }) { world, _ in
            let set = try await evaluate(shell, world, before)
            for name in ProxyVariables.proxyNames { #expect(set[name] == "http://127.0.0.1:3128") }
            #expect(set["HTTP_PROXY"] == before["HTTP_PROXY"].map { _ in "http://127.0.0.1:3128" })
            #expect(set["all_proxy"] == before["all_proxy"])
            for (name, other) in [("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy")] {
                #expect(set[name] == ProxyVariables.exceptions(before[name], otherSpelling: before[other]))
            }
            let again = try await evaluate(shell, world, set)
            #expect(again == set)
            #expect(try await evaluate(shell, world, again, "--unset") == before)
        }
    }

    @Test("--unset where nothing was set leaves the user's own alone, and says so")
    func nothingSaved() async throws {
        var world = try World()
        world.environment.variables["http_proxy"] = "http://corp:8080"
        let outcome = await world.run("env", "--unset", "--shell", "sh")
        #expect(outcome.status == .ok && outcome.output.isEmpty && outcome.errors.contains("nothing to restore"))
    }
}
