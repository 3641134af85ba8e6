import Foundation
import TestSupport
import Testing

@Suite struct AptTests {
    /// A repository of one package, made with dpkg-deb; what is asked for beside it is 404.
    private func repository(in folder: ScratchFolder) throws -> FakeOrigin {
        try folder.write(
            "package/DEBIAN/control",
            """
            Package: connd-test-package
            Version: 1.0
            Architecture: all
            Maintainer: x <x@example.invalid>
            Description: a package of a test

            """)
        try folder.write("package/usr/share/connd-test-package/data", String(repeating: "data\n", count: 50_000))
        let package = folder.path + "/connd-test-package_1.0_all.deb"
        let built = try Subprocess.run(
            "dpkg-deb", ["-Znone", "--root-owner-group", "--build", folder.path + "/package", package])
        #expect(built.exitCode == 0, "\(built)")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: package)))
        let control = try Subprocess.run("dpkg-deb", ["-f", package]).output
        let index = """
            \(control)Filename: ./connd-test-package_1.0_all.deb
            Size: \(bytes.count)
            SHA256: \(try hash(package))


            """
        let release = """
            Suite: test
            Codename: test
            Date: Thu, 01 Jan 2026 00:00:00 UTC
            SHA256:
             \(try hash(folder.write("Packages", index))) \(index.utf8.count) Packages

            """
        let files = [
            "/Packages": Array(index.utf8), "/Release": Array(release.utf8), "/connd-test-package_1.0_all.deb": bytes,
        ]
        return try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                let path = request.target.replacing("/./", with: "/")
                if let file = files[path] {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(file.count)\r\n\r\n")
                    connection.send(file)
                } else {
                    connection.respond("404 Not Found", body: "")
                }
            }
        }
    }

    private func hash(_ file: String) throws -> String {
        String(try Subprocess.run("sha256sum", [file]).output.prefix(64))
    }

    @Test("apt-get updates and downloads what it would install, over few connections")
    func updateAndInstall() throws {
        let folder = try ScratchFolder()
        let origin = try repository(in: folder)
        let proxy = try RunningProxy()
        for name in [
            "apt/etc", "apt/etc/preferences.d", "apt/etc/apt.conf.d", "apt/etc/sources.list.d", "apt/etc/trusted.gpg.d",
            "apt/state/lists/partial", "apt/cache/archives/partial", "apt/log",
        ] {
            _ = try folder.makeFolder(name)
        }
        try folder.write("apt/etc/sources.list", "deb [trusted=yes] \(origin.url()) ./\n")
        try folder.write("apt/status", "")
        let root = folder.path + "/apt"
        // Nothing of the host's apt is read or changed.
        let options = [
            "Dir::Etc=\(root)/etc", "Dir::State=\(root)/state", "Dir::State::status=\(root)/status",
            "Dir::Cache=\(root)/cache",
            "Dir::Log=\(root)/log", "APT::Sandbox::User=", "Acquire::http::Proxy=\(proxy.url)", "Acquire::Retries=0",
            "Acquire::Languages=none", "Acquire::http::Timeout=30", "Debug::NoLocking=true",
        ].flatMap { ["-o", $0] }
        let update = try Subprocess.run("apt-get", options + ["update"], environment: ["APT_CONFIG": "/dev/null"])
        #expect(update.exitCode == 0, "\(update)")
        let install = try Subprocess.run(
            "apt-get", options + ["install", "--download-only", "--yes", "connd-test-package"],
            environment: ["APT_CONFIG": "/dev/null"])
        #expect(install.exitCode == 0, "\(install)")
        #expect(
            FileManager.default.contentsEqual(
                atPath: root + "/cache/archives/connd-test-package_1.0_all.deb",
                andPath: folder.path + "/connd-test-package_1.0_all.deb"))
        let record = origin.record
        #expect(record.requests.contains { $0.target.hasSuffix("/Packages") })
        #expect(record.requests.allSatisfy { !$0.head["Via"].isEmpty })
        #expect(record.connections.count < record.requests.count)
    }
}
