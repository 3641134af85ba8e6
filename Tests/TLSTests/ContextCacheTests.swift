import Foundation
import ProxyTypes
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

/// A fixture whose profile names files of its own, which a test replaces.
private final class ReplacedFiles {
    let fixture: TLSFixture
    let folder: ScratchFolder
    let profile: TLSProfile
    private(set) var changes: [TLSProfile.Files] = []
    private(set) var complaints: [TLSFailure] = []

    init(withClient: Bool = false) throws {
        fixture = try TLSFixture()
        folder = try ScratchFolder()
        let path = folder.path + "/"
        profile = TLSProfile(
            files: .init(
                authorities: path + "root", certificate: withClient ? path + "certificate" : nil,
                key: withClient ? path + "key" : nil))
        try replace("root", fixture.certificates.root)
        try replace("certificate", fixture.certificates.client.certificate)
        try replace("key", fixture.certificates.client.key)
        fixture.tls.onFilesChanged = { [unowned self] in changes.append($0) }
        fixture.tls.onFilesUnusable = { [unowned self] in complaints.append($0) }
    }

    /// As careful programs do it: by another file with that name.
    func replace(_ name: String, _ source: String) throws {
        try folder.write(name + ".new", String(contentsOfFile: source, encoding: .utf8))
        rename(folder.path + "/" + name + ".new", folder.path + "/" + name)
    }

    /// Files are looked at every 5 s, and the workers take their time.
    func wait() throws {
        fixture.kernel.advance(by: .seconds(5))
        fixture.turn()
        try fixture.settle()
    }
}

@Suite("TLS: contexts and their files")
struct ContextCacheTests {
    @Test("a bundle that was replaced holds for new connections within its interval, and no session goes on")
    func replaced() throws {
        let files = try ReplacedFiles()
        let fixture = files.fixture
        let server = try LibraryServer(fixture.certificates.origin())
        _ = try fixture.connect(server, profile: files.profile)
        #expect(try fixture.connect(server, profile: files.profile).server?.isResumed == true)
        try files.wait()
        #expect(files.changes.isEmpty)
        #expect(try fixture.connect(server, profile: files.profile).server?.isResumed == true)

        try files.replace("root", fixture.certificates.otherRoot)
        try files.wait()
        #expect(files.changes == [files.profile.files] && files.complaints.isEmpty)
        #expect(fixture.tls.sessions.count == 0)
        let link = try fixture.begin(server, profile: files.profile)
        link.exchange()
        #expect(link.failure?.reason == .unknownIssuer)

        try files.replace("root", fixture.certificates.root)
        try files.wait()
        #expect(files.changes.count == 2)
        #expect(try fixture.connect(server, profile: files.profile).server?.isResumed == false)
    }

    @Test("a ticket that comes on a connection of before the change is for nothing")
    func lateTicket() throws {
        let files = try ReplacedFiles()
        let fixture = files.fixture
        let server = try LibraryServer(fixture.certificates.origin())
        let old = try fixture.connect(server, profile: files.profile)
        // The same certificates, in another file.
        try files.replace("root", fixture.certificates.root)
        try files.wait()
        old.server?.sendTicket()
        old.send("and it goes on")
        old.exchange()
        #expect(old.text == "and it goes on" && fixture.tls.sessions.count == 0)
        #expect(try fixture.connect(server, profile: files.profile).server?.isResumed == false)
    }

    @Test("half of an update is told and changes nothing, and the other half completes it")
    func halfUpdated() throws {
        let files = try ReplacedFiles(withClient: true)
        let fixture = files.fixture
        var options = LibraryServer.Options()
        options.clientAuthority = fixture.certificates.root
        let server = try LibraryServer(fixture.certificates.origin(), options)
        _ = try fixture.connect(server, profile: files.profile)
        try files.replace("key", fixture.certificates.otherKey)
        try files.wait()
        #expect(files.changes.isEmpty && files.complaints.count == 1)
        #expect(files.complaints.first?.detail.contains("does not belong to tls_client_cert") == true)
        // The pair of before is in use, and its sessions are.
        let link = try fixture.connect(server, profile: files.profile)
        #expect(link.server?.isResumed == true)
        // Not told again as long as nothing happens.
        try files.wait()
        try files.wait()
        #expect(files.complaints.count == 1)
        try files.replace("key", fixture.certificates.client.key)
        try files.wait()
        #expect(files.changes.count == 1 && files.complaints.count == 1)
        #expect(try fixture.connect(server, profile: files.profile).server?.isResumed == false)
    }

    @Test("files that are missing fail connections until they are there")
    func missing() throws {
        let files = try ReplacedFiles()
        let fixture = files.fixture
        try FileManager.default.removeItem(atPath: files.folder.path + "/root")
        let server = try LibraryServer(fixture.certificates.origin())
        for _ in 0..<2 {
            let link = try fixture.begin(server, profile: files.profile)
            link.exchange()
            #expect(link.failure?.reason == .configuration)
        }
        try files.replace("root", fixture.certificates.root)
        try files.wait()
        _ = try fixture.connect(server, profile: files.profile)
        // There was nothing before that would have changed.
        #expect(files.changes.isEmpty)
    }

    @Test("a handshake that waits for a session looks at the files again")
    func changeWhileWaiting() throws {
        let files = try ReplacedFiles()
        let fixture = files.fixture
        let server = try LibraryServer(fixture.certificates.origin())
        let leader = try fixture.begin(server, profile: files.profile)
        // Waits before the files are looked at, and goes on by the change.
        fixture.kernel.advance(by: Interval(nanoseconds: 4_995_000_000))
        fixture.turn()
        let waiting = try fixture.begin(server, profile: files.profile)
        #expect(waiting.socket.receivedBytes.isEmpty)
        try files.replace("root", fixture.certificates.otherRoot)
        fixture.kernel.advance(by: .milliseconds(6))
        fixture.turn()
        try fixture.settle()
        #expect(files.changes.count == 1 && !waiting.socket.receivedBytes.isEmpty)
        waiting.exchange()
        #expect(waiting.failure?.reason == .unknownIssuer)
        // What was under way goes on as it began.
        leader.exchange()
        #expect(leader.stream != nil && fixture.tls.sessions.count == 0)
    }

    @Test("contexts are loaded once, however many wait for them, and are bounded")
    func bounded() throws {
        let fixture = try TLSFixture()
        let server = try LibraryServer(fixture.certificates.origin())
        let links = try (0..<3).map { _ in try fixture.begin(server) }
        #expect(fixture.tls.contexts.count == 1 && links.allSatisfy { $0.failure == nil })
        for number in 0..<1100 {
            fixture.tls.prepare(TLSProfile(verification: .none, files: .init(certificate: "/nonexistent/\(number)")))
            if number % 100 == 0 { try fixture.settle() }
        }
        try fixture.settle()
        #expect((900...1024).contains(fixture.tls.contexts.count))
        // One that made room is loaded again.
        _ = try fixture.connect(server)
    }
}
