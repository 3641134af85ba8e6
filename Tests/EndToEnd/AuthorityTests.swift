import Foundation
import Glibc
import TestSupport
import Testing

/// The certificate authority of a running connd, by its API and its files.
@Suite struct AuthorityTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    private var directory: String { state.path + "/connd/ca" }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func change(_ proxy: RunningProxy, _ method: String, _ path: String, _ body: String? = nil) throws
        -> AdminAnswer
    {
        try proxy.change(method, path, body: body)
    }

    private func serials(_ report: JSONDocument) -> [String] {
        report["authorities"].items.map { "\($0["serial"].text ?? "") \($0["role"].text ?? "")" }
    }

    @Test("it is made, survives a crash, is replaced and removed, each with a trace")
    func life() throws {
        var proxy = try RunningProxy(state: state)
        #expect(try proxy.read("/v1/ca")["state"].text == "none")
        #expect(try change(proxy, "DELETE", "/v1/ca").status == 404)
        #expect(try change(proxy, "POST", "/v1/ca/rotate", "{}").status == 409)
        let made = try change(
            proxy, "POST", "/v1/ca", #"{"domains":["example.com","internal.example"],"reason":"builds"}"#)
        #expect(made.status == 201, "\(made)")
        let report = try proxy.read("/v1/ca")
        let serial = try #require(report["authorities"].items.first?["serial"].text)
        #expect(serials(report) == ["\(serial) current"] && report["path"].text == directory)
        let key = "\(directory)/\(serial)/key.pem"
        #expect(try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int == 0o600)
        let verified = try Subprocess.run(
            "openssl",
            [
                "verify", "-x509_strict", "-CAfile", "\(directory)/\(serial)/root.pem",
                "\(directory)/\(serial)/intermediate.pem",
            ])
        #expect(verified.output.hasSuffix(": OK\n"), "\(verified)")
        #expect(try change(proxy, "POST", "/v1/ca", #"{"domains":["example.com"]}"#).status == 409)

        proxy.process.signal(SIGKILL)
        try proxy.process.wait(for: "connd to end") { $0.waitStatus != nil }
        proxy = try RunningProxy(state: state)
        #expect(try serials(proxy.read("/v1/ca")) == ["\(serial) current"])

        #expect(try change(proxy, "POST", "/v1/ca/rotate", #"{"domains":["example.org"]}"#).status == 200)
        let rotating = try proxy.read("/v1/ca")
        let next = try #require(rotating["authorities"].items.last?["serial"].text)
        #expect(serials(rotating) == ["\(serial) current", "\(next) next"] && rotating["switch_at"].text != nil)
        #expect(try change(proxy, "POST", "/v1/ca/rotate", "{}").status == 409)
        let page = try proxy.curl("GET", "/metrics").body
        #expect(page.contains("connd_ca_not_after_seconds{role=\"current\"} "))
        #expect(page.contains("connd_ca_not_after_seconds{role=\"next\"} "))

        #expect(try change(proxy, "DELETE", "/v1/ca?reason=done").status == 200)
        #expect(!exists(directory))
        #expect(try proxy.read("/v1/ca")["state"].text == "none")
        let audit = try proxy.read("/v1/audit")["items"].items
        #expect(
            audit.map { "\($0["action"].text ?? "") \($0["subject"].text ?? "")" } == [
                "ca_removed \(next)", "ca_removed \(serial)", "ca_rotated \(next)", "ca_created \(serial)",
            ])
        #expect(audit.last?["reason"].text == "builds" && audit.last?["after"].text == "example.com, internal.example")
    }

    @Test("a rotation without a delay retires the old authority at once: its key is gone, its root still shown")
    func rotation() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try change(proxy, "POST", "/v1/ca", #"{"domains":["example.com"]}"#).status == 201)
        let old = try #require(try proxy.read("/v1/ca")["authorities"].items.first?["serial"].text)
        #expect(try change(proxy, "POST", "/v1/ca/rotate", #"{"switch_after":"0s"}"#).status == 200)
        let report = try proxy.read("/v1/ca")
        let authorities = report["authorities"].items
        #expect(authorities.map { $0["role"].text } == ["retired", "current"])
        #expect(authorities.map { $0["domains"].items.compactMap(\.text) } == [["example.com"], ["example.com"]])
        #expect(authorities.first?["root_pem"].text?.hasPrefix("-----BEGIN CERTIFICATE-----\n") == true)
        #expect(!exists("\(directory)/\(old)/key.pem") && exists("\(directory)/\(old)/root.pem"))
        #expect(try proxy.read("/v1/audit")["items"].items.first?["action"].text == "ca_retired")
    }

    @Test(
        "what cannot be signed for is refused, with the reason for each name",
        arguments: [
            ("{}", "/domains"), (#"{"domains":[]}"#, "/domains"), (#"{"domains":["a.example","com"]}"#, "/domains/1"),
            (#"{"domains":["127.0.0.1"]}"#, "/domains/0"),
            (#"{"domains":["a.example"],"unconstrained":true}"#, "/unconstrained"),
        ])
    func refused(body: String, pointer: String) throws {
        let proxy = try RunningProxy(state: state)
        let answer = try change(proxy, "POST", "/v1/ca", body)
        #expect(answer.status == 422 && answer.body.contains("\"\(pointer)\""), "\(answer)")
        #expect(!exists(directory))
    }

    @Test(
        "files that cannot be used are told, count as no authority, do not keep connd from starting, and can be removed"
    )
    func unusable() throws {
        var proxy = try RunningProxy(state: state)
        #expect(try change(proxy, "POST", "/v1/ca", #"{"domains":["example.com"]}"#).status == 201)
        let serial = try #require(try proxy.read("/v1/ca")["authorities"].items.first?["serial"].text)
        proxy.process.signal(SIGTERM)
        try proxy.process.wait(for: "connd to end") { $0.waitStatus != nil }
        #expect(chmod("\(directory)/\(serial)/key.pem", 0o644) == 0)

        proxy = try RunningProxy(state: state)
        try proxy.waitForLog("the certificate authority's files cannot be used")
        let report = try proxy.read("/v1/ca")
        #expect(report["state"].text == "unusable" && report["authorities"].items.isEmpty)
        #expect(report["problem"].text?.contains("chmod 600") == true)
        #expect(try proxy.connctl("status").output.contains("! The certificate authority cannot be used"))
        #expect(try change(proxy, "POST", "/v1/ca", #"{"domains":["example.com"]}"#).status == 409)
        #expect(try change(proxy, "DELETE", "/v1/ca").status == 200)
        #expect(!exists(directory))
    }

    @Test("an unconstrained authority has no name constraints, and is warned of")
    func unconstrained() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try change(proxy, "POST", "/v1/ca", #"{"unconstrained":true}"#).status == 201)
        let authority = try #require(try proxy.read("/v1/ca")["authorities"].items.first)
        #expect(authority["unconstrained"].flag == true && authority["domains"].items.isEmpty)
        let serial = authority["serial"].text ?? ""
        for name in ["root", "intermediate"] {
            let text = try Subprocess.run(
                "openssl", ["x509", "-noout", "-text", "-in", "\(directory)/\(serial)/\(name).pem"]
            ).output
            #expect(text.contains("CA:TRUE") && !text.contains("Name Constraints"))
        }
        #expect(try proxy.connctl("status").output.contains("! The certificate authority \(serial) is unconstrained"))
        #expect(try proxy.read("/v1/status")["ca"]["warnings"].items.count == 1)
    }

    @Test("connctl makes it, gives programs the files that they need, shows it and removes it")
    func byConnctl() throws {
        let proxy = try RunningProxy(state: state)
        let made = try proxy.connctl("ca", "create", "--for", "example.com,internal.example")
        #expect(made.exitCode == 0 && made.output.contains("accept connd in the place of"), "\(made)")
        let serial = try #require(try proxy.read("/v1/ca")["authorities"].items.first?["serial"].text)
        let shown = try proxy.connctl("ca", "show").output
        #expect(shown.contains("\(serial)  current") && shown.contains("example.com, internal.example"), "\(shown)")
        #expect(try proxy.connctl("ca", "create", "--for", "com").errors.contains("whole top-level domain"))

        let folder = try ScratchFolder()
        let root = try folder.makeFolder("root")
        try folder.write("root/etc/ssl/certs/ca-certificates.crt", "")
        let env = try proxy.connctl(
            ["ca", "env", "--shell", "sh", "--root", root], environment: ["XDG_DATA_HOME": folder.path + "/data"])
        #expect(env.exitCode == 0, "\(env)")
        for name in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
            let verified = try Subprocess.run(
                "sh",
                [
                    "-c",
                    env.output
                        + "openssl verify -no-CApath -CAfile \"$\(name)\" '\(directory)/\(serial)/intermediate.pem'",
                ])
            #expect(verified.output.hasSuffix(": OK\n"), "\(verified)")
        }
        #expect(try proxy.connctl("ca", "remove", "--root", root).exitCode == 0)
        #expect(!exists(directory))
    }
}
