import AdminClient
import AdminModels
import Foundation
import Synchronization
import Testing

@testable import connctl

/// A host that is being put together, with a trust store as Debian's, and a connd with certificate authorities. Shared.
final class TrustingHost: Sendable {
    let host: ScratchHost
    let daemon: FakeDaemon
    private let answer: Answer

    /// What the daemon answers.
    final class Answer: Sendable {
        let report = Mutex(AuthoritiesReport())
        let status = Mutex(200)
    }

    init(_ serials: String...) throws {
        let answer = Answer()
        self.answer = answer
        var host = try ScratchHost()
        daemon = try FakeDaemon { request in
            let status = answer.status.withLock { $0 }
            guard status < 300 else { return .problem(status, "refused") }
            if request.method == "DELETE" { return .json(AuthoritiesReport()) }
            return .json(answer.report.withLock { $0 })
        }
        host.world.environment.variables["CONNCTL_ADMIN"] = daemon.address.description
        self.host = host
        try host.write("etc/ca-certificates.conf", "# as dpkg wrote it\nmozilla/Old.crt\n")
        let old = try Self.certificate("00000000")
        try host.write("usr/share/ca-certificates/mozilla/Old.crt", old)
        for folder in ["usr/local/share/ca-certificates", "etc/ca-certificates/update.d", "etc/ssl/certs", "etc/connd"]
        {
            try FileManager.default.createDirectory(
                atPath: "\(host.root)/\(folder)", withIntermediateDirectories: true)
        }
        let update = try #require(
            ExternalProgram("update-ca-certificates", variables: ["PATH": "/usr/sbin:/usr/bin:/bin"]))
        let run = try update.run([
            "--certsconf", host.root + "/etc/ca-certificates.conf", "--certsdir",
            host.root + "/usr/share/ca-certificates",
            "--localcertsdir", host.root + "/usr/local/share/ca-certificates", "--etccertsdir",
            host.root + "/etc/ssl/certs", "--hooksdir", host.root + "/etc/ca-certificates/update.d",
        ])
        try #require(run.status == 0 && host.read("etc/ssl/certs/ca-certificates.crt") == old, "\(run)")
        try set(serials)
    }

    deinit {
        daemon.stop()
    }

    /// The last one is the next one if there are two.
    func set(_ serials: [String]) throws {
        let authorities = try serials.enumerated().map { index, serial in
            var authority = AuthorityReport()
            authority.serial = serial
            authority.role = index == 0 ? "current" : "next"
            authority.domains = ["example.com"]
            authority.rootPEM = try Self.certificate(serial)
            authority.rootExpiresMs = World.now + 1_000 * 86_400_000
            authority.rootExpires = "2030-01-01T00:00:00Z"
            authority.created = "2027-01-15T08:00:00Z"
            authority.intermediateExpires = authority.rootExpires
            authority.intermediateExpiresMs = authority.rootExpiresMs
            return authority
        }
        answer.report.withLock {
            $0 = AuthoritiesReport()
            $0.state = authorities.isEmpty ? "none" : "ready"
            $0.authorities = authorities
        }
    }

    func change(_ change: (inout AuthoritiesReport) -> Void) { answer.report.withLock { change(&$0) } }
    func refuse(_ status: Int) { answer.status.withLock { $0 = status } }

    func run(_ arguments: String...) async -> Outcome {
        await host.world.run(["ca"] + arguments + ["--root", host.root])
    }

    var bundle: String { host.read("etc/ssl/certs/ca-certificates.crt") ?? "" }

    func pem(_ serial: String) throws -> String { try Self.certificate(serial) }

    private static let made = Mutex<[String: String]>([:])

    /// A root that is what its name says, as connd makes them.
    static func certificate(_ serial: String, for domains: [String]? = ["example.com"]) throws -> String {
        let addresses = ["excluded;IP:0.0.0.0/0.0.0.0", "excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"]
        let names = domains.map { $0.map { "permitted;DNS:\($0)" } + addresses }
        return try certificate(serial, constraints: names?.joined(separator: ","))
    }

    static func certificate(_ serial: String, constraints: String?, basic: String = "CA:TRUE,pathlen:1") throws
        -> String
    {
        let key = "\(serial) \(constraints ?? "") \(basic)"
        if let known = made.withLock({ $0[key] }) { return known }
        let folder = try Folder()
        let openssl = try #require(ExternalProgram("openssl", variables: ["PATH": "/usr/bin:/bin"]))
        let run = try openssl.run(
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=\(serial)", "-days", "3650", "-keyout", folder.path + "/key", "-out", folder.path + "/pem",
                "-addext", "basicConstraints=critical,\(basic)",
            ] + (constraints.map { ["-addext", "nameConstraints=critical,\($0)"] } ?? []))
        try #require(run.status == 0, "\(run)")
        let pem = try String(contentsOfFile: folder.path + "/pem", encoding: .utf8)
        return made.withLock { made in
            if let known = made[key] { return known }
            made[key] = pem
            return pem
        }
    }
}

@Suite("connctl ca, in this host's trust stores")
struct CAInstallTests {
    @Test("install puts the roots everywhere, once; uninstall leaves every byte as it was")
    func wholeLife() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let before = trusting.host.everything()
        let installed = await trusting.run("install")
        #expect(installed.status == .ok && installed.errors.isEmpty, "\(installed)")
        #expect(installed.output.contains("system  in: ") && installed.output.contains("file    in: "))
        #expect(installed.output.contains("0a1b2c3d signs for example.com"))
        #expect(installed.output.hasSuffix("tunnelled for up to a day; to end that: connctl tls --forget --all\n"))
        let pem = try trusting.pem("0a1b2c3d")
        #expect(trusting.host.read("usr/local/share/ca-certificates/connd-0a1b2c3d.crt") == pem)
        #expect(trusting.host.read("etc/connd/ca/connd-ca.pem") == pem)
        #expect(trusting.bundle.contains(pem))
        #expect(try trusting.bundle.contains(trusting.pem("00000000")))

        let again = await trusting.run("install")
        #expect(again.status == .ok && again.output.split(separator: "\n").count { $0.contains(" already in") } == 2)

        let out = await trusting.run("uninstall")
        #expect(out.status == .ok && out.errors.isEmpty, "\(out)")
        #expect(trusting.host.everything() == before)
        #expect(await trusting.run("uninstall").output == "system  already out\nfile    already out\n")
    }

    @Test("during a rotation both are installed; afterwards the old one goes")
    func rotation() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        _ = await trusting.run("install")
        try trusting.set(["0a1b2c3d", "11111111"])
        #expect(await trusting.run("install").status == .ok)
        let (old, new) = (try trusting.pem("0a1b2c3d"), try trusting.pem("11111111"))
        #expect(trusting.bundle.contains(old) && trusting.bundle.contains(new))
        #expect(trusting.host.read("etc/connd/ca/connd-ca.pem") == old + new)
        trusting.change {
            $0.authorities[0].role = "retired"
            $0.authorities[1].role = "current"
        }
        #expect(await trusting.run("show").output.contains("! 0a1b2c3d should no longer be installed here"))
        let outcome = await trusting.run("install")
        #expect(outcome.output.contains("no longer current, so removed: 0a1b2c3d"), "\(outcome)")
        #expect(!trusting.bundle.contains(old) && trusting.bundle.contains(new))
        #expect(trusting.host.read("etc/connd/ca/connd-ca.pem") == new)
        #expect(trusting.host.everything().keys.allSatisfy { !$0.contains("0a1b2c3d") })
    }

    @Test("hooks are told of both directions, as Java's keystore is kept by one")
    func hooks() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let log = trusting.host.root + "/java.log"
        let hook = try trusting.host.write(
            "etc/ca-certificates/update.d/jks-keystore", "#!/bin/sh\ncat >>'\(log)'\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
        #expect(await trusting.run("install").output.contains("and in Java's /etc/ssl/certs/java/cacerts"))
        _ = await trusting.run("uninstall")
        let link = trusting.host.root + "/etc/ssl/certs/connd-0a1b2c3d.pem"
        #expect(trusting.host.read("java.log") == "+\(link)\n-\(link)\n")
    }

    @Test("a store that fails does not keep the others from it, and the run fails")
    func independent() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let other = "usr/local/share/ca-certificates/connd-0a1b2c3d.crt"
        try trusting.host.write(other, "somebody's\n")
        let outcome = await trusting.run("install")
        #expect(outcome.status == .failed && outcome.output.contains("system  failed: "), "\(outcome)")
        #expect(outcome.output.contains("file    in: ") && outcome.errors.contains("not installed everywhere: system"))
        #expect(trusting.host.read(other) == "somebody's\n")
        #expect(trusting.host.read("etc/connd/ca/connd-ca.pem") == (try trusting.pem("0a1b2c3d")))
        // Nor is it removed.
        #expect(await trusting.run("uninstall").status == .failed)
        #expect(trusting.host.read(other) == "somebody's\n" && trusting.host.read("etc/connd/ca/connd-ca.pem") == nil)
    }

    @Test("a hook that fails is told; a run that was interrupted is finished by the next one")
    func failingHook() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let hook = try trusting.host.write("etc/ca-certificates/update.d/broken", "#!/bin/sh\nexit 7\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
        let outcome = await trusting.run("install")
        #expect(outcome.status == .failed && outcome.output.contains("exited with code 7"), "\(outcome)")
        try FileManager.default.removeItem(atPath: hook)
        // As if update-ca-certificates had not come to it.
        try trusting.host.write("etc/ssl/certs/ca-certificates.crt", try trusting.pem("00000000"))
        #expect(await trusting.run("install").status == .ok)
        #expect(trusting.bundle.contains(try trusting.pem("0a1b2c3d")))
    }

    @Test("a dry run writes nothing, and says what it would do")
    func dryRun() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let before = trusting.host.everything()
        let outcome = await trusting.run("install", "--dry-run")
        #expect(outcome.output.contains("would write ") && outcome.output.contains("would run update-ca-certificates"))
        #expect(trusting.host.everything() == before)
    }

    @Test("only root changes the host; connd's word is taken at its own socket only")
    func permissions() async throws {
        var world = try World()
        world.environment.isRoot = false
        for verb in ["install", "uninstall"] {
            let outcome = await world.run("ca", verb)
            #expect(outcome.status == .failed && outcome.errors.contains("only root"), "\(outcome)")
            #expect(outcome.errors.contains("sudo connctl ca \(verb)"))
        }
    }

    @Test("without an authority there is nothing to install")
    func nothing() async throws {
        let trusting = try TrustingHost()
        let before = trusting.host.everything()
        let outcome = await trusting.run("install")
        #expect(outcome.status == .failed && outcome.errors.contains("connctl ca create"), "\(outcome)")
        #expect(trusting.host.everything() == before)
    }

    @Test("a serial that is none becomes part of no path")
    func strangeSerial() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        trusting.change { $0.authorities[0].serial = "../../x" }
        #expect(await trusting.run("install").status == .failed)
    }
}

@Suite("connctl ca, and the daemon")
struct CACommandTests {
    @Test("create says what it does to trust before how to go on")
    func create() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let outcome = await trusting.run("create", "--for", "example.com, internal.example", "--for", "c.example")
        #expect(outcome.status == .ok && outcome.output.hasPrefix("Certificate authority 0a1b2c3d for example.com\n"))
        let trust = outcome.output.firstRange(of: "accept connd in the place of")
        let next = outcome.output.firstRange(of: "sudo connctl ca install")
        #expect(try #require(trust?.lowerBound) < #require(next?.lowerBound))
        #expect(
            trusting.daemon.requests.last?.body == #"{"domains":["example.com","internal.example","c.example"]}"#)
        trusting.change { $0.authorities[0].unconstrained = true }
        let open = await trusting.run("create", "--unconstrained", "--reason", "why")
        #expect(open.output.contains("ANY") && !open.output.contains("no other name"))
        #expect(trusting.daemon.requests.last?.body == #"{"reason":"why","unconstrained":true}"#)
    }

    @Test("rotate says when the new one takes over")
    func rotate() async throws {
        let trusting = try TrustingHost("0a1b2c3d", "11111111")
        trusting.change { $0.switchAt = "2027-01-16T08:00:00Z" }
        let outcome = await trusting.run("rotate", "--switch-after", "48h")
        #expect(outcome.output.contains("It takes over at 2027-01-16"), "\(outcome)")
        #expect(trusting.daemon.requests.last?.body == #"{"switch_after":"48h"}"#)
        let show = await trusting.run("show")
        #expect(show.output.contains("0a1b2c3d  current") && show.output.contains("11111111  next"), "\(show)")
    }

    @Test("remove is refused while roots are installed here, unless forced")
    func remove() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        _ = await trusting.run("install")
        let refused = await trusting.run("remove")
        #expect(refused.status == .failed && refused.errors.contains("sudo connctl ca uninstall"))
        #expect(trusting.daemon.requests.allSatisfy { $0.method != "DELETE" })
        #expect(await trusting.run("remove", "--force").status == .ok)
        _ = await trusting.run("uninstall")
        let removed = await trusting.run("remove", "--reason", "done with it")
        #expect(removed.status == .ok && trusting.daemon.requests.last?.query == "reason=done%20with%20it")
    }

    @Test("show tells an unusable, a missing and an unconstrained one")
    func show() async throws {
        let trusting = try TrustingHost()
        #expect(await trusting.run("show").output.contains("connctl ca create"))
        trusting.change {
            $0.state = "unusable"
            $0.problem = "key.pem can be read by others"
        }
        #expect(await trusting.run().output.contains("! The certificate authority cannot be used"))
        try trusting.set(["0a1b2c3d"])
        trusting.change {
            $0.authorities[0].unconstrained = true
            $0.authorities[0].intermediateExpiresMs = World.now + 86_400_000
        }
        let output = await trusting.run("show").output
        #expect(output.contains("! 0a1b2c3d is unconstrained") && output.contains("connctl ca rotate"))
    }

    @Test(
        "wrong usage is told",
        arguments: [
            ["create"], ["create", "--for", "a.example", "--unconstrained"], ["install", "--for", "a.example"],
            ["create", "--for", "a.example", "--switch-after", "1h"], ["nonsense"],
            ["uninstall", "--unconstrained"], ["env", "--unset", "--unconstrained"],
        ])
    func usage(arguments: [String]) async throws {
        let outcome = try await World().run(["ca"] + arguments)
        #expect(outcome.status == .usage && outcome.output.isEmpty && outcome.errors.contains("connctl"))
    }

    // MARK: env

    @Test("env gives each variable the kind of file that it takes: installed ones where there are")
    func installedEnvironment() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        _ = await trusting.run("install")
        trusting.refuse(500)
        let output = await trusting.run("env", "--shell", "sh").output
        let root = trusting.host.root
        #expect(output.contains("export NODE_EXTRA_CA_CERTS='\(root)/etc/connd/ca/connd-ca.pem'\n"))
        #expect(output.contains("export DENO_CERT='\(root)/etc/connd/ca/connd-ca.pem'\n"))
        for name in TrustVariables.complete {
            #expect(output.contains("export \(name)='\(root)/etc/ssl/certs/ca-certificates.crt'\n"), "\(name)")
        }
        #expect(output.contains("# Java"))
    }

    @Test("without root the two files are the user's own, and are written again when the system's bundle changes")
    func userEnvironment() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let data = trusting.host.root + "/home/u/data"
        var changed = trusting.host.world
        changed.environment.variables["XDG_DATA_HOME"] = data
        let world = changed
        func env() async -> Outcome {
            await world.run(["ca", "env", "--shell", "bash", "--root", trusting.host.root])
        }
        let first = await env()
        #expect(first.status == .ok, "\(first)")
        #expect(first.output.contains("export NODE_EXTRA_CA_CERTS='\(data)/connd/ca/connd-ca.pem'\n"))
        #expect(first.output.contains("export SSL_CERT_FILE='\(data)/connd/ca/ca-bundle.pem'\n"))
        let (system, own) = (try trusting.pem("00000000"), try trusting.pem("0a1b2c3d"))
        #expect(trusting.host.read("home/u/data/connd/ca/connd-ca.pem") == own)
        #expect(trusting.host.read("home/u/data/connd/ca/ca-bundle.pem") == system + own)
        let other = try trusting.pem("22222222")
        try trusting.host.write("etc/ssl/certs/ca-certificates.crt", other)
        _ = await env()
        #expect(trusting.host.read("home/u/data/connd/ca/ca-bundle.pem") == other + own)
    }

    @Test("what was set before is kept, told where roots get lost, and restored by --unset")
    func restored() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        _ = await trusting.run("install")
        let shell = try #require(ExternalProgram("sh", variables: ["PATH": "/usr/bin:/bin"]))
        var world = trusting.host.world
        world.environment.variables["SSL_CERT_FILE"] = "/corp.pem"
        let set = await world.run(["ca", "env", "--shell", "sh", "--root", trusting.host.root]).output
        #expect(set.contains("# SSL_CERT_FILE was /corp.pem: "))
        let saved = try shell.run(["-c", "SSL_CERT_FILE=/corp.pem\n" + set + "env | grep -E '^CONND_SAVED|^SSL_CERT'"])
        for line in saved.output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            world.environment.variables[parts[0]] = parts[1]
        }
        #expect(world.environment.variables["SSL_CERT_FILE"]?.hasSuffix("/ca-certificates.crt") == true)
        let unset = await world.run(["ca", "env", "--unset", "--shell", "sh"]).output
        let after = try shell.run(
            ["-c", set + unset + "echo ${SSL_CERT_FILE-none} ${NODE_EXTRA_CA_CERTS-none} ${CONND_SAVED_PIP_CERT-none}"])
        #expect(after.output == "/corp.pem none none\n", "\(unset)")
        #expect(await trusting.host.world.run(["ca", "env", "--unset"]).errors.contains("nothing to restore"))
    }

    @Test("--container prints options that mount both files and name them inside")
    func container() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        _ = await trusting.run("install")
        let output = await trusting.run("env", "--container").output
        #expect(output.contains(":/etc/connd-ca/connd-ca.pem:ro"))
        #expect(output.contains("--env NODE_EXTRA_CA_CERTS=/etc/connd-ca/connd-ca.pem"))
        #expect(output.contains("--env SSL_CERT_FILE=/etc/connd-ca/ca-bundle.pem"))
    }
}
