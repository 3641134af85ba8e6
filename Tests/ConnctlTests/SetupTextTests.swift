import Foundation
import Testing

@testable import connctl

@Suite("What enable writes")
struct SetupTextTests {
    private static let standard = ProxyAddress(parsing: ProxyAddress.standard)
    /// Whether it is there cannot be seen from this host, so nothing is asked for it.
    private static let remote = ProxyAddress(parsing: "http://192.0.2.7:3128")

    @Test("the files to be put in place by hand are those that enable writes, letter for letter")
    func staticFiles() throws {
        let proxy = try #require(Self.standard)
        let texts = [
            "profile.d/connd.sh": SetupText.shell(proxy, user: false),
            "apt.conf.d/30connd": SetupText.apt(proxy, script: "/usr/share/connd/apt-proxy"),
            "system.conf.d/50-connd.conf": SetupText.services(proxy, before: [:]),
            "environment.d/50-connd.conf": SetupText.userServices(proxy, before: [:]),
        ]
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy/clients").path
        for (name, text) in texts {
            #expect(try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) == text, "\(name)")
        }
    }

    /// The proxy variables after a shell has read the text.
    private func variables(_ text: String, _ before: [String: String]) throws -> [String: String] {
        try everything(text, before).filter { $0.key.lowercased().hasSuffix("_proxy") }
    }

    /// All variables after a shell has read the text, strict as a shell can be.
    private func everything(_ text: String, _ before: [String: String]) throws -> [String: String] {
        let folder = try Folder()
        let file = try folder.write("connd.sh", text)
        let shell = try #require(
            ExternalProgram("sh", variables: ["PATH": "/usr/bin:/bin", "HOME": folder.path].merging(before) { $1 }))
        let run = try shell.run(["-eu", "-c", ". '\(file)'; env"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
        return run.output.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            .reduce(into: [:]) { $0[$1[0]] = $1.count > 1 ? $1[1] : "" }
    }

    @Test("a login shell gets the proxy and its exceptions, and never HTTP_PROXY")
    func shell() throws {
        let text = SetupText.shell(try #require(Self.remote), user: false)
        let proxy = "http://192.0.2.7:3128"
        let local = ProxyVariables.exceptions(nil, otherSpelling: nil)
        #expect(
            try variables(text, [:]) == [
                "http_proxy": proxy, "https_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": local, "NO_PROXY": local,
            ])
    }

    @Test("a proxy that the user has set is kept, and exceptions are added to, in either case of their letters")
    func kept() throws {
        let text = SetupText.shell(try #require(Self.remote), user: false)
        let proxy = "http://192.0.2.7:3128"
        let own = try variables(text, ["HTTPS_PROXY": "http://mine:1", "NO_PROXY": ".corp", "http_proxy": ""])
        let merged = ProxyVariables.exceptions(".corp", otherSpelling: nil)
        #expect(
            own == [
                "http_proxy": "", "https_proxy": "http://mine:1", "HTTPS_PROXY": "http://mine:1", "no_proxy": merged,
                "NO_PROXY": merged,
            ])
        #expect(try variables(text, ["http_proxy": "http://mine:1"])["https_proxy"] == proxy)
        for name in ["all_proxy", "ALL_PROXY"] {
            #expect(try variables(text, [name: "socks5://mine:1"]) == [name: "socks5://mine:1"])
        }
    }

    @Test(
        "a login shell makes of the user's exceptions what `connctl env` makes of them",
        arguments: [
            ["no_proxy": "*"], ["no_proxy": "", "NO_PROXY": ".b"], ["no_proxy": ".a,::1", "NO_PROXY": "[::1],.b,"],
        ])
    func exceptions(before: [String: String]) throws {
        let own = try variables(SetupText.shell(try #require(Self.remote), user: false), before)
        let expected = ProxyVariables.values(proxy: "http://192.0.2.7:3128", before: before)
        for (name, value) in expected { #expect(own[name] == value, "\(name)") }
    }

    @Test("what a login shell had before is what `connctl env --unset` gives back; a login within it changes nothing")
    func remembered() throws {
        let text = SetupText.shell(try #require(Self.remote), user: false)
        let before = ["NO_PROXY": ".corp", "https_proxy": "", "http_proxy": "http://it's:1"]
        let all = try everything(text + text, before)
        let former = ProxyVariables.former(in: all)
        #expect(
            Set(former)
                == Set(
                    (ProxyVariables.proxyNames + ProxyVariables.exceptionNames).map {
                        ProxyVariables.Former(
                            name: $0, value: before[$0], savedName: ProxyVariables.savedName(of: $0))
                    }))
    }

    @Test("where connd was removed nothing is set and nothing fails", arguments: [true, false])
    func removed(user: Bool) throws {
        guard access("/run/connd/proxy.sock", F_OK) != 0 else { return }
        #expect(try variables(SetupText.shell(try #require(Self.standard), user: user), [:]) == [:])
    }

    @Test("a user's own connd is found by what it leaves in its state directory")
    func ownDaemon() throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(atPath: folder.path + "/connd", withIntermediateDirectories: true)
        try folder.write("connd/admin.url", "http://127.0.0.1:3129\n")
        let text = SetupText.shell(try #require(Self.standard), user: true)
        let found = try variables(text, ["XDG_STATE_HOME": folder.path])
        #expect(found["http_proxy"] == ProxyAddress.standard)
        let host = SetupText.shell(try #require(Self.standard), user: false)
        if access("/run/connd/proxy.sock", F_OK) != 0 {
            #expect(try variables(host, ["XDG_STATE_HOME": folder.path]) == [:])
        }
    }

    @Test("only a file whose first line says so is connctl's")
    func own() throws {
        let proxy = try #require(Self.standard)
        for text in [
            SetupText.shell(proxy, user: true), SetupText.apt(proxy, script: "/x"),
            SetupText.services(proxy, before: [:]),
            SetupText.userServices(proxy, before: [:]),
        ] {
            #expect(SetupText.isOwn(text))
            #expect(!SetupText.isOwn("# mine\n" + text))
        }
        #expect(!SetupText.isOwn("") && !SetupText.isOwn("# I wrote this, not `connctl enable`\n"))
    }
}
