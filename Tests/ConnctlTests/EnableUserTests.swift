import Foundation
import Glibc
import Testing

@testable import connctl

@Suite("One user's account")
struct EnableUserTests {
    @Test("shell, git and services of the account are turned on and off; apt has none")
    func account() async throws {
        let host = try ScratchHost()
        let before = host.everything()
        let outcome = await host.run("enable", "--user")
        #expect(outcome.status == .ok && outcome.output.contains("apt      skipped: apt has no settings of one user"))
        #expect(host.read("home/u/.config/connd/env.sh")?.contains(ScratchHost.proxy) == true)
        #expect(host.read("home/u/.profile") == ManagedLine.text + "\n")
        #expect(
            host.read("home/u/.config/environment.d/50-connd.conf")?.contains("http_proxy=\(ScratchHost.proxy)\n")
                == true)
        #expect(try host.git("--global", "http.proxy") == ScratchHost.proxy + "\n")
        #expect(host.read("etc/profile.d/connd.sh") == nil && host.read("etc/gitconfig") == nil)
        #expect(await host.run("enable", "--user", "apt").status == .failed)
        #expect(await host.run("disable", "--user").status == .ok)
        #expect(host.everything() == before)
    }

    @Test("needs no root, but a home")
    func home() async throws {
        var host = try ScratchHost()
        host.world.environment.isRoot = false
        host.world.environment.variables["HOME"] = host.root + "/home/u"
        host.world.environment.variables["XDG_RUNTIME_DIR"] = nil
        let outcome = await host.world.run("enable", "--user", "shell", "services", "--proxy", ScratchHost.proxy)
        #expect(outcome.status == .ok, "\(outcome)")
        #expect(outcome.output.contains("systemd is not running here"))
        host.world.environment.variables["HOME"] = nil
        #expect(await host.world.run("disable", "--user").status == .usage)
    }

    @Test("the user's manager is told when its services change, and only then")
    func reload() async throws {
        var host = try ScratchHost()
        let script = "#!/bin/sh\n[ $2 = show-environment ] || echo \"$@\" >> \(host.root)/calls\n"
        let systemctl = try host.write("bin/systemctl", script)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: systemctl)
        try host.write("run/systemd/private", "")
        host.world.environment.variables = [
            "HOME": host.root + "/home/u", "XDG_RUNTIME_DIR": host.root + "/run",
            "PATH": host.root + "/bin:/usr/bin:/bin",
        ]
        for _ in 0..<2 {
            _ = await host.world.run("enable", "--user", "services", "--proxy", ScratchHost.proxy)
        }
        #expect(host.read("calls") == "--user daemon-reload\n")
        #expect(await host.world.run("disable", "--user", "services").output.contains("when they are next started"))
        #expect(host.read("calls") == "--user daemon-reload\n--user daemon-reload\n")
        try host.write("bin/systemctl", "#!/bin/sh\necho 'no bus' >&2; exit 1\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: systemctl)
        let failed = await host.world.run("enable", "--user", "services", "--proxy", ScratchHost.proxy)
        #expect(failed.status == .failed && failed.errors.contains("systemctl --user daemon-reload: no bus"))
    }

    @Test("exceptions that services have already are kept beside connd's, also when it is enabled again")
    func exceptions() async throws {
        var host = try ScratchHost()
        try host.write("run/systemd/private", "")
        host.world.environment.variables = [
            "HOME": host.root + "/home/u", "XDG_RUNTIME_DIR": host.root + "/run",
            "PATH": host.root + "/bin:/usr/bin:/bin",
        ]
        let given = { (text: String) in
            let systemctl = try host.write("bin/systemctl", "#!/bin/sh\necho \"\(text)\"\n")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: systemctl)
        }
        let merged = "NO_PROXY=.corp.test,10.0.0.0/8,localhost,127.0.0.1,::1,[::1]\n"
        for text in ["no_proxy=.corp.test,10.0.0.0/8", "no_proxy=\\$'\(merged.dropFirst(9).dropLast())'"] {
            try given(text)
            #expect(await host.world.run("enable", "--user", "services", "--proxy", ScratchHost.proxy).status == .ok)
            let file = try #require(host.read("home/u/.config/environment.d/50-connd.conf"))
            #expect(file.contains(merged) && file.contains(merged.replacing("NO_PROXY", with: "no_proxy")), "\(file)")
        }
        try given("no_proxy=\\$'a;$(x)\\\"'")
        let refused = await host.world.run("enable", "--user", "services", "--proxy", ScratchHost.proxy)
        #expect(refused.status == .failed && refused.errors.contains("no_proxy"), "\(refused)")
    }

    @Test(
        "root leaves the account of somebody else to its owner", .enabled(if: geteuid() == 0),
        arguments: ["enable", "disable"])
    func foreignHome(verb: String) async throws {
        let host = try ScratchHost()
        try #require(chown(host.root + "/home/u", 65534, 65534) == 0)
        let before = host.everything()
        let outcome = await host.run(verb, "--user")
        #expect(outcome.status == .failed && outcome.output.isEmpty)
        #expect(outcome.errors.contains("Next: sudo -u nobody -H connctl \(verb) --user"), "\(outcome)")
        #expect(host.everything() == before)
    }

    @Test("a login file that is no file is left alone, and not waited for", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let host = try ScratchHost()
        try #require(mkfifo(host.root + "/home/u/.bash_profile", 0o600) == 0)
        let outcome = await host.run("enable", "--user", "shell")
        #expect(outcome.status == .failed && outcome.errors.contains(".bash_profile is no regular file: left alone"))
    }

    @Test("a proxy that somebody else gave services is left alone, and said; connctl's own is replaced")
    func foreignServices() async throws {
        var host = try ScratchHost()
        let systemctl = try host.write("bin/systemctl", "#!/bin/sh\ncat \(host.root)/environment\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: systemctl)
        try host.write("run/systemd/private", "")
        host.world.environment.variables = [
            "HOME": host.root + "/home/u", "XDG_RUNTIME_DIR": host.root + "/run",
            "PATH": host.root + "/bin:/usr/bin:/bin",
        ]
        let world = host.world
        let run = { (proxy: String) in
            await world.run("enable", "--user", "services", "--proxy", proxy)
        }
        try host.write("environment", "PATH=/bin\nhttps_proxy=http://corp:8080\n")
        let refused = await run(ScratchHost.proxy)
        #expect(refused.status == .failed)
        #expect(refused.errors.contains("services already have https_proxy=http://corp:8080"), "\(refused)")
        #expect(refused.errors.contains("Next: systemctl --user show-environment"))
        #expect(host.read("home/u/.config/environment.d/50-connd.conf") == nil)
        try host.write("environment", "PATH=/bin\nno_proxy=corp\n")
        #expect(await run(ScratchHost.proxy).status == .ok)
        // What it wrote itself is no reason to keep it.
        try host.write("environment", "http_proxy=\(ScratchHost.proxy)\nhttps_proxy=\(ScratchHost.proxy)\n")
        #expect(await run("http://127.0.0.1:4128").status == .ok)
        #expect(host.read("home/u/.config/environment.d/50-connd.conf")?.contains(":4128\n") == true)
    }

    @Test("each login file that a shell reads in place of .profile gets the line too; links and modes stay")
    func loginFiles() async throws {
        let host = try ScratchHost()
        let dotfile = try host.write("home/u/dotfiles/profile", "umask 022")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: dotfile)
        try FileManager.default.createSymbolicLink(
            atPath: host.root + "/home/u/.profile", withDestinationPath: "dotfiles/profile")
        try host.write("home/u/.bash_profile", "# mine\n")
        let before = host.everything()
        #expect(await host.run("enable", "--user", "shell").status == .ok)
        #expect(host.read("home/u/.bash_profile") == "# mine\n\(ManagedLine.text)\n")
        #expect(host.read("home/u/dotfiles/profile")?.hasPrefix("umask 022\nif [ -r ") == true)
        #expect(host.everything()["home/u/.profile"]?.hasPrefix(FileAttributeType.typeSymbolicLink.rawValue) == true)
        #expect(host.read("home/u/.zprofile") == nil)
        #expect(await host.run("enable", "--user", "shell").output.contains("already on"))
        #expect(await host.run("disable", "--user", "shell").status == .ok)
        #expect(host.everything() == before)
    }

    @Test(
        "taking the line out gives back each byte", arguments: ["", "a", "a\n", "a\n\n", "a\r\nb", "\n", "# x\n# y"])
    func exact(content: String) {
        let added = ManagedLine.adding(to: content)
        #expect(added.hasSuffix("\n") && ManagedLine.isIn(added))
        #expect(ManagedLine.adding(to: added) == added)
        #expect(ManagedLine.removing(from: added) == content)
        #expect(ManagedLine.removing(from: content) == content)
    }

    @Test("what was written after the line stays", arguments: ["a", "a\n"])
    func later(content: String) {
        #expect(ManagedLine.removing(from: ManagedLine.adding(to: content) + "b\n") == "a\nb\n")
    }
}
