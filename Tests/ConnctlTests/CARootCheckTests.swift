import AdminClient
import AdminModels
import ArgumentParser
import Foundation
import Testing

@testable import connctl

/// A refusal is told, and leaves the host as it is.
@Suite("connctl ca: which roots are trusted")
struct CARootCheckTests {
    private static let addresses = "excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"

    private func refuse(_ pem: String, _ reason: String, _ arguments: String...) async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        trusting.change { $0.authorities[0].rootPEM = pem }
        let before = trusting.host.everything()
        var world = trusting.host.world
        world.environment.variables["XDG_DATA_HOME"] = trusting.host.root + "/data"
        for verb in [["install"] + arguments, ["env", "--shell", "sh"] + arguments] {
            let outcome = await world.run(["ca"] + verb + ["--root", trusting.host.root])
            #expect(outcome.status == .failed && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.errors.contains(reason), "\(outcome)")
            #expect(trusting.host.everything() == before)
        }
    }

    @Test("text that is not exactly one certificate is not trusted")
    func text() async throws {
        let (one, other) = (try TrustingHost.certificate("a"), try TrustingHost.certificate("b"))
        for pem in [one + other, "before\n" + one, one + "after\n", "# \n" + one, "", "nonsense\n"] {
            try await refuse(pem, "not exactly one certificate")
        }
        let (begin, end) = ("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n")
        try await refuse(begin + "AAAA\n" + end, "openssl cannot read it")
        try await refuse(begin + one + end, "not exactly one certificate")
    }

    @Test("a root that can sign for more, or for others, than connd says is not trusted")
    func constraints() async throws {
        let wrong = "constraints are not exactly example.com"
        let (name, addresses) = ("permitted;DNS:example.com", Self.addresses)
        try await refuse(TrustingHost.certificate("c", for: ["example.com", "bank.example"]), wrong)
        try await refuse(TrustingHost.certificate("c", for: ["other.example"]), wrong)
        try await refuse(TrustingHost.certificate("c", constraints: name), wrong)
        try await refuse(TrustingHost.certificate("c", constraints: "permitted;email:example.com," + addresses), wrong)
        try await refuse(TrustingHost.certificate("c", for: nil), "no name constraints, so it can sign for ANY name")
        try await refuse(
            TrustingHost.certificate("c", for: nil), "no name constraints, so it can sign for ANY name",
            "--unconstrained")
        for basic in ["CA:FALSE", "CA:TRUE"] {
            let pem = try TrustingHost.certificate("c", constraints: "\(name),\(addresses)", basic: basic)
            try await refuse(pem, "no root of an authority")
        }
    }

    @Test("an unconstrained root is trusted only on request, with a warning")
    func unconstrained() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        let pem = try TrustingHost.certificate("open", for: nil)
        trusting.change {
            $0.authorities[0].unconstrained = true
            $0.authorities[0].domains = []
            $0.authorities[0].rootPEM = pem
        }
        let before = trusting.host.everything()
        let refused = await trusting.run("install")
        #expect(refused.status == .failed && refused.errors.contains("can sign for ANY name"), "\(refused)")
        #expect(refused.errors.contains("connctl ca install --unconstrained"))
        #expect(await trusting.run("env", "--shell", "sh").errors.contains("connctl ca env --unconstrained"))
        #expect(trusting.host.everything() == before)
        let installed = await trusting.run("install", "--unconstrained")
        #expect(installed.status == .ok && installed.errors.contains("can sign for ANY name"), "\(installed)")
        #expect(trusting.bundle.contains(pem))
    }

    @Test("without openssl nothing is trusted")
    func noProgram() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        var world = trusting.host.world
        world.environment.variables["PATH"] = trusting.host.root + "/none"
        for verb in ["install", "env"] {
            let outcome = await world.run(["ca", verb, "--root", trusting.host.root])
            #expect(outcome.status == .failed && outcome.errors.contains("apt install openssl"), "\(outcome)")
        }
    }

    @Test("env takes no roots from whoever answers at the standard address or at a former one of the user's connd")
    func otherUsers() async throws {
        let trusting = try TrustingHost("0a1b2c3d")
        var world = trusting.host.world
        world.environment.variables["XDG_DATA_HOME"] = trusting.host.root + "/data"
        world.environment.variables["STATE_DIRECTORY"] = trusting.host.root + "/state"
        world.environment.variables["CONNCTL_ADMIN"] = nil
        let arguments = ["ca", "env", "--shell", "sh", "--root", trusting.host.root]
        let standard = await world.run(arguments)
        #expect(standard.status == .failed && standard.output.isEmpty, "\(standard)")
        #expect(standard.errors.contains("any user of this host could answer"), "\(standard)")
        #expect(standard.errors.contains("sudo connctl ca install"))
        #expect(standard.errors.contains("connctl ca env --admin"))

        try trusting.host.write("state/admin.url", trusting.daemon.address.description + "\n")
        #expect(await world.run(arguments).status == .ok)
        try FileManager.default.removeItem(atPath: trusting.host.root + "/data")
        world.environment.listeners.paths = []
        let unknown = await world.run(arguments)
        #expect(unknown.status == .failed && unknown.errors.contains("any user of this host"), "\(unknown)")
        #expect(trusting.daemon.requests.count == 1)

        // The installed file is root's own.
        _ = await trusting.run("install")
        #expect(await world.run(arguments).status == .ok)
    }

    @Test("options of other actions are refused")
    func othersOptions() async throws {
        let options: [(given: [String], of: [CACommand.Action])] = [
            (["--reason", "why"], [.create, .rotate, .remove]), (["--force"], [.remove]),
            (["--dry-run"], [.install, .uninstall]), (["--shell", "sh"], [.env]), (["--unset"], [.env]),
            (["--container"], [.env]),
        ]
        for (given, actions) in options {
            for action in CACommand.Action.allCases {
                let needed = action == .create ? ["--for", "example.com"] : []
                let parse = { try CACommand.parse([action.rawValue] + needed + given) }
                if actions.contains(action) {
                    _ = try parse()
                } else {
                    let error = #expect(throws: (any Error).self) { _ = try parse() }
                    let text = error.map { CACommand.message(for: $0) } ?? ""
                    #expect(text.contains("\(given[0]) is for `connctl ca \(actions[0].rawValue)`"), "\(text)")
                }
            }
        }
    }
}
