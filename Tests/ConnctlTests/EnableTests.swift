import Foundation
import Testing

@testable import connctl

/// A host that is being put together in a folder, with what `enable` finds on a usual one.
struct ScratchHost {
    static let proxy = "http://127.0.0.1:3128"

    var world: World
    let root: String

    init() throws {
        world = try World()
        root = world.folder.path + "/root"
        for folder in ["etc/profile.d", "etc/apt/apt.conf.d", "etc/systemd", "home/u"] {
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        let script = try write("usr/share/connd/apt-proxy", "#!/bin/sh\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        world.environment.variables = ["HOME": "/home/u", "CONNCTL_ADMIN": "unix:\(root)/none.sock"]
        world.environment.aptScripts = ["/usr/share/connd/apt-proxy"]
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(root)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    func read(_ name: String) -> String? {
        try? String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
    }

    /// `enable` names the usual proxy unless told another.
    func run(_ verb: String, _ arguments: String...) async -> Outcome {
        let proxy = verb == "enable" && !arguments.contains("--proxy") ? ["--proxy", Self.proxy] : []
        return await world.run([verb] + arguments + proxy + ["--root", root])
    }

    /// Every path with what is in it.
    func everything() -> [String: String] {
        var found: [String: String] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init() {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(root)/\(name)")
            let mode = (attributes?[.posixPermissions] as? Int).map { String($0, radix: 8) } ?? ""
            let type = (attributes?[.type] as? FileAttributeType)?.rawValue ?? ""
            found[name] = "\(type) \(mode) \(read(name) ?? "")"
        }
        return found
    }

    func git(_ arguments: String...) throws -> String {
        let variables = [
            "GIT_CONFIG_SYSTEM": "\(root)/etc/gitconfig", "GIT_CONFIG_GLOBAL": "\(root)/home/u/.gitconfig",
        ]
        return try #require(ExternalProgram("git", variables: variables)).run(["config"] + arguments).output
    }
}

@Suite("Sending the host's programs through connd")
struct EnableTests {
    private static let files = [
        "etc/profile.d/connd.sh", "etc/apt/apt.conf.d/30connd", "etc/systemd/system.conf.d/50-connd.conf",
    ]

    @Test("enable turns all four on, in one line each; disable leaves every byte as it was")
    func wholeHost() async throws {
        let host = try ScratchHost()
        try host.write("etc/gitconfig", "[core]\n\teditor = ed\n[http]\n\tversion = HTTP/1.1\n")
        let before = host.everything()
        let enabled = await host.run("enable")
        #expect(enabled.status == .ok && enabled.errors.isEmpty, "\(enabled)")
        let lines = enabled.output.split(separator: "\n")
        #expect(lines.map { $0.prefix { $0 != " " } } == ["shell", "apt", "git", "services", "https"])
        #expect(lines.dropLast().allSatisfy { $0.contains(" on: ") })
        #expect(lines.last?.contains("tunnels") == true)
        for file in Self.files {
            let text = try #require(host.read(file))
            #expect(text.contains(ScratchHost.proxy) && text.contains("connctl disable"))
            #expect(host.everything()[file]?.hasPrefix("\(FileAttributeType.typeRegular.rawValue) 644") == true)
        }
        #expect(try host.git("--system", "--get-all", "http.proxy") == ScratchHost.proxy + "\n")
        let disabled = await host.run("disable")
        #expect(disabled.status == .ok && disabled.errors.isEmpty, "\(disabled)")
        #expect(disabled.output.split(separator: "\n").allSatisfy { $0.contains(" off") })
        #expect(host.everything() == before)
    }

    @Test("what is on already, or off already, is said and not written again")
    func idempotent() async throws {
        let host = try ScratchHost()
        _ = await host.run("enable")
        let inode = {
            try FileManager.default.attributesOfItem(atPath: host.root + "/etc/profile.d/connd.sh")[.systemFileNumber]
                as? Int
        }
        let first = try inode()
        let again = await host.run("enable")
        #expect(again.status == .ok)
        #expect(again.output.split(separator: "\n").count { $0.contains(" already on") } == 4, "\(again)")
        #expect(try inode() == first)
        _ = await host.run("disable")
        let off = await host.run("disable")
        #expect(off.status == .ok)
        #expect(
            off.output == "shell    already off\napt      already off\ngit      already off\nservices already off\n")
    }

    @Test("another proxy takes the place of the one before, and goes as well")
    func otherProxy() async throws {
        let host = try ScratchHost()
        let before = host.everything()
        _ = await host.run("enable")
        let other = "http://10.0.0.5:8080"
        #expect(await host.run("enable", "--proxy", other).status == .ok)
        for file in Self.files {
            let text = try #require(host.read(file))
            #expect(text.contains(other) && !text.contains(ScratchHost.proxy))
        }
        #expect(try host.git("--system", "--get-all", "http.proxy") == other + "\n")
        #expect(await host.run("disable").status == .ok)
        #expect(host.everything() == before)
    }

    @Test("only the kinds that are named are touched")
    func named() async throws {
        let host = try ScratchHost()
        _ = await host.run("enable", "services", "shell")
        #expect(host.read(Self.files[0]) != nil && host.read(Self.files[1]) == nil && host.read("etc/gitconfig") == nil)
        let outcome = await host.run("disable", "shell")
        #expect(outcome.output.split(separator: "\n").count == 1)
        #expect(host.read(Self.files[0]) == nil && host.read(Self.files[2]) != nil)
    }

    @Test("a file that is somebody else's is named, never written over and never removed", arguments: files)
    func foreignFile(name: String) async throws {
        let host = try ScratchHost()
        let path = try host.write(name, "# connctl enable was not here\n")
        for verb in ["enable", "disable"] {
            let outcome = await host.run(verb)
            #expect(outcome.status == .failed)
            #expect(
                outcome.errors.contains("\(path) is not connctl's: left alone") && outcome.errors.contains("\nNext: "))
            // The others are done all the same.
            #expect(outcome.output.split(separator: "\n").count == 3)
            #expect(host.read(name) == "# connctl enable was not here\n")
        }
    }

    @Test("a link or a folder in a file's place is somebody else's too")
    func foreignKinds() async throws {
        let host = try ScratchHost()
        let target = try host.write("etc/own.sh", "# Written by `connctl enable shell`\n")
        try FileManager.default.createSymbolicLink(
            atPath: host.root + "/etc/profile.d/connd.sh", withDestinationPath: target)
        try FileManager.default.createDirectory(
            atPath: host.root + "/etc/apt/apt.conf.d/30connd", withIntermediateDirectories: true)
        for verb in ["enable", "disable"] {
            let outcome = await host.run(verb, "shell", "apt")
            #expect(outcome.status == .failed && outcome.output.isEmpty)
            #expect(outcome.errors.contains("profile.d/connd.sh is not") && outcome.errors.contains("30connd is not"))
        }
        #expect(host.read("etc/own.sh")?.isEmpty == false)
    }

    @Test("what cannot be written is said with the system's reason")
    func cannotWrite() async throws {
        let host = try ScratchHost()
        try FileManager.default.removeItem(atPath: host.root + "/etc/profile.d")
        try host.write("etc/profile.d", "")
        let outcome = await host.run("enable", "shell")
        #expect(outcome.status == .failed)
        #expect(outcome.errors.contains("etc/profile.d: Not a directory"), "\(outcome)")
    }

    @Test("a dry run says each file and command, and changes nothing")
    func dryRun() async throws {
        let host = try ScratchHost()
        let before = host.everything()
        let outcome = await host.run("enable", "--dry-run")
        #expect(outcome.status == .ok)
        #expect(host.everything() == before)
        for file in Self.files { #expect(outcome.output.contains("would write \(host.root)/\(file):\n")) }
        #expect(
            outcome.output.contains("would run git config --system --replace-all http.proxy \(ScratchHost.proxy)\n"))
        _ = await host.run("enable")
        let enabled = host.everything()
        let off = await host.run("disable", "--dry-run")
        for file in Self.files { #expect(off.output.contains("would remove \(host.root)/\(file)\n")) }
        #expect(off.output.contains("would run git config --system --unset-all http.proxy\n"))
        #expect(host.everything() == enabled)
    }

    @Test("quiet says what went wrong alone")
    func quiet() async throws {
        let host = try ScratchHost()
        try host.write(Self.files[0], "mine\n")
        let outcome = await host.run("enable", "--quiet")
        #expect(outcome.status == .failed && outcome.output.isEmpty && outcome.errors.contains("left alone"))
    }

    @Test("the whole host is for root, which is said with sudo; a dry run is for everyone")
    func needsRoot() async throws {
        var host = try ScratchHost()
        host.world.environment.isRoot = false
        for verb in ["enable", "disable"] {
            let outcome = await host.world.run(verb, "shell")
            #expect(outcome.status == .failed && outcome.output.isEmpty)
            #expect(outcome.errors.contains("sudo connctl \(verb)") && outcome.errors.contains("--user"))
        }
        #expect(await host.world.run("enable", "shell", "--dry-run", "--proxy", ScratchHost.proxy).status == .ok)
    }

    @Test("without --proxy connd is asked; where it is away that is 4, with the way around it")
    func asksTheDaemon() async throws {
        let host = try ScratchHost()
        let away = await host.world.run("enable", "--root", host.root)
        #expect(away.status == .notReachable && away.output.isEmpty)
        #expect(away.errors.contains("connctl enable --proxy http://127.0.0.1:3128"))
        #expect(host.read(Self.files[0]) == nil)
        try await World.withDaemon({ _ in .json(Samples.status) }) { world, _ in
            #expect(await world.run("enable", "shell", "--root", host.root).status == .ok)
        }
        #expect(host.read(Self.files[0])?.contains(ScratchHost.proxy) == true)
    }

    @Test(
        "what is no proxy's address is wrong usage",
        arguments: [
            "127.0.0.1:3128", "http://127.0.0.1", "http://[::1]", "https://127.0.0.1:3128",
            "unix:/run/connd/proxy.sock",
            "http://u:p@127.0.0.1:3128", "http://127.0.0.1:3128/x", "http://a\"b:80", "http://$(id):80", "",
        ])
    func wrongProxy(text: String) async throws {
        let host = try ScratchHost()
        let before = host.everything()
        #expect(await host.run("enable", "--proxy", text).status == .usage)
        #expect(host.everything() == before)
    }

    @Test(
        "an address is written in one way",
        arguments: [("http://[::1]:3128/", "http://[::1]:3128"), ("HTTP://Proxy:1", "http://proxy:1")])
    func addressText(text: String, written: String) {
        #expect(ProxyAddress(parsing: text)?.description == written)
    }
}

@Suite("Programs that enable needs or meets")
struct EnableEnvironmentTests {
    @Test("a proxy that somebody else gave git is left alone, and said")
    func foreignGit() async throws {
        let host = try ScratchHost()
        let before = "[http]\n\tproxy = http://corp:8080\n"
        try host.write("etc/gitconfig", before)
        let outcome = await host.run("enable")
        #expect(outcome.status == .failed && outcome.errors.contains("http.proxy is http://corp:8080"))
        #expect(outcome.errors.contains("Next: git config --system --unset-all http.proxy"))
        #expect(outcome.output.split(separator: "\n").count == 3)
        let off = await host.run("disable")
        #expect(off.status == .ok && off.output.contains("http://corp:8080, not by connctl: left alone"))
        #expect(host.read("etc/gitconfig") == before)
    }

    @Test("a proxy that somebody gave git after enable outlives disable")
    func changedGit() async throws {
        let host = try ScratchHost()
        _ = await host.run("enable", "git")
        _ = try host.git("--system", "http.proxy", "http://corp:8080")
        #expect(await host.run("enable", "git").status == .failed)
        #expect(await host.run("disable", "git").status == .ok)
        #expect(host.read("etc/gitconfig") == "[http]\n\tproxy = http://corp:8080\n")
    }

    @Test("the same value by somebody else's hand is on already, and stays")
    func sameGit() async throws {
        let host = try ScratchHost()
        let before = "[http]\n\tproxy = \(ScratchHost.proxy)\n"
        try host.write("etc/gitconfig", before)
        #expect(await host.run("enable", "git").output.contains("already on, not by connctl"))
        #expect(await host.run("disable", "git").status == .ok)
        #expect(host.read("etc/gitconfig") == before)
    }

    @Test("a git config that cannot be read is git's own message")
    func brokenGit() async throws {
        let host = try ScratchHost()
        try host.write("etc/gitconfig", "[http\n")
        let outcome = await host.run("enable", "git")
        #expect(outcome.status == .failed && outcome.errors.contains("bad config"), "\(outcome)")
    }

    @Test("what is not installed is skipped and said; by name it is a failure")
    func notInstalled() async throws {
        var host = try ScratchHost()
        host.world.environment.variables["PATH"] = host.root + "/nothing"
        try FileManager.default.removeItem(atPath: host.root + "/etc/apt")
        let all = await host.run("enable")
        #expect(all.status == .ok)
        #expect(all.output.contains("git      skipped: git is not installed\n"))
        #expect(all.output.contains("apt      skipped: apt is not installed\n"))
        let named = await host.run("enable", "git")
        #expect(named.status == .failed && named.errors.contains("git is not installed"))
    }

    @Test("apt is not pointed at a script that is not there, which would break it")
    func noScript() async throws {
        var host = try ScratchHost()
        host.world.environment.aptScripts = ["/usr/share/connd/none", "/opt/share/connd/apt-proxy"]
        let outcome = await host.run("enable", "apt")
        #expect(outcome.status == .failed && outcome.errors.contains("/usr/share/connd/none"))
        #expect(host.read("etc/apt/apt.conf.d/30connd") == nil)
        // The one of another prefix will do.
        let script = try host.write("opt/share/connd/apt-proxy", "")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        #expect(await host.run("enable", "apt").status == .ok)
        #expect(host.read("etc/apt/apt.conf.d/30connd")?.contains("\"/opt/share/connd/apt-proxy\"") == true)
    }

    @Test(
        "a proxy that somebody else gave apt is left alone, and said",
        .enabled(if: ExternalProgram("apt-config", variables: [:]) != nil),
        arguments: ["Acquire { http { Proxy \"http://corp:3142\"; } }", "Acquire::https::Proxy-Auto-Detect \"/x\";"])
    func foreignApt(text: String) async throws {
        var host = try ScratchHost()
        try host.write("etc/apt/apt.conf.d/99corp", text + "\n")
        host.world.environment.variables["APT_CONFIG"] = try host.write("apt-root", "Dir \"\(host.root)\";\n")
        let outcome = await host.run("enable", "apt")
        #expect(outcome.status == .failed && outcome.errors.contains("which connctl did not set"), "\(outcome)")
        try FileManager.default.removeItem(atPath: host.root + "/etc/apt/apt.conf.d/99corp")
        #expect(await host.run("enable", "apt").status == .ok)
        // Its own is none.
        #expect(await host.run("enable", "apt", "--proxy", "http://10.0.0.5:1").status == .ok)
    }
}
