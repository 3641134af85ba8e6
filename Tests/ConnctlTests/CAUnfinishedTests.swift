import Foundation
import Testing

@testable import connctl

@Suite("connctl ca: what has failed is finished by the next run")
struct CAUnfinishedTests {
    private let trusting: TrustingHost
    private var link: String { trusting.host.root + "/etc/ssl/certs/connd-0a1b2c3d.pem" }

    init() throws {
        trusting = try TrustingHost("0a1b2c3d")
    }

    /// As Java's: it is told which links have come and gone. A hook that fails has not kept what it was told.
    private func hook(fails: Bool) throws {
        let log = trusting.host.root + "/hook.log"
        let hook = try trusting.host.write(
            "etc/ca-certificates/update.d/jks-keystore",
            fails ? "#!/bin/sh\nexit 7\n" : "#!/bin/sh\ncat >>'\(log)'\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
    }

    @Test("uninstall tells a hook that failed again, and only then is done")
    func uninstall() async throws {
        try hook(fails: false)
        let before = trusting.host.everything()
        #expect(await trusting.run("install").status == .ok)
        try hook(fails: true)
        for _ in 0..<2 {
            let failed = await trusting.run("uninstall")
            #expect(failed.status == .failed && failed.output.contains("exited with code 7"), "\(failed)")
        }
        #expect(await trusting.run("show").output.contains("0a1b2c3d"))
        #expect(await trusting.run("remove").status == .failed)
        try hook(fails: false)
        #expect(await trusting.run("uninstall").status == .ok)
        #expect(trusting.host.read("hook.log") == "+\(link)\n-\(link)\n")
        #expect(await trusting.run("uninstall").output == "system  already out\nfile    already out\n")
        var after = trusting.host.everything()
        after["hook.log"] = nil
        #expect(after == before)
    }

    @Test("install tells a hook that failed again, also of roots that are no longer current")
    func install() async throws {
        try hook(fails: true)
        #expect(await trusting.run("install").status == .failed)
        try hook(fails: false)
        #expect(await trusting.run("install").status == .ok)
        #expect(trusting.host.read("hook.log") == "+\(link)\n")
        #expect(await trusting.run("install").output.contains("system  already in"))
        try hook(fails: true)
        try trusting.set(["11111111"])
        #expect(await trusting.run("install").status == .failed)
        try hook(fails: false)
        let outcome = await trusting.run("install")
        #expect(outcome.status == .ok && outcome.output.contains("so removed: 0a1b2c3d"), "\(outcome)")
        let log = trusting.host.read("hook.log") ?? ""
        #expect(log.contains("-\(link)\n") && log.contains("connd-11111111.pem\n"), "\(log)")
        #expect(!trusting.host.everything().keys.contains { $0.hasSuffix("update.conf") })
    }

    @Test("a link whose certificate is gone already is removed from the store")
    func linkOnly() async throws {
        #expect(await trusting.run("install").status == .ok)
        let pem = try trusting.pem("0a1b2c3d")
        try FileManager.default.removeItem(
            atPath: trusting.host.root + "/usr/local/share/ca-certificates/connd-0a1b2c3d.crt")
        #expect(await trusting.run("uninstall").output.contains("system  out: 0a1b2c3d"))
        #expect(!trusting.bundle.contains(pem))
    }
}
