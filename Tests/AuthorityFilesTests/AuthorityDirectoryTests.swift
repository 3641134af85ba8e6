import Foundation
import Glibc
import LocalCA
import ProxyTypes
import TestSupport
import Testing

@testable import AuthorityFiles

@Suite("The directory of the certificate authorities")
struct AuthorityDirectoryTests {
    private let folder: ScratchFolder
    private let directory: AuthorityDirectory
    private static let now: Int64 = 1_790_000_000_000
    private static let day: Int64 = 86_400_000

    init() throws {
        folder = try ScratchFolder()
        directory = AuthorityDirectory(path: folder.path + "/ca")
    }

    private func made(_ serial: String, _ domains: [String]? = ["example.com"]) throws -> NewAuthority {
        try AuthorityMaker.make(
            for: domains?.map { try PermittedDomain(parsing: $0) }, host: "a-host", serial: serial, now: Self.now)
    }

    private func entry(_ serial: String, _ domains: [String]? = ["example.com"], from: Int64 = now)
        -> AuthorityIndex.Entry
    {
        .init(serial: serial, domains: domains, created: Self.now, signsFrom: from)
    }

    private func add(_ serial: String, _ domains: [String]? = ["example.com"], from: Int64 = now) throws {
        try directory.add(try made(serial, domains), entry(serial, domains, from: from))
    }

    private func mode(_ name: String) throws -> Int? {
        let path = name.isEmpty ? directory.path : "\(directory.path)/\(name)"
        return try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: name.isEmpty ? directory.path : "\(directory.path)/\(name)")
    }

    private func fault(_ work: () throws -> Void) -> String {
        do {
            try work()
            return "none"
        } catch {
            return "\(error)".replacing(folder.path, with: "@")
        }
    }

    @Test("without the directory there is no authority, and reading makes none")
    func nothing() throws {
        #expect(try directory.load().index.authorities.isEmpty)
        #expect(try directory.tidy(now: Self.now).isEmpty)
        try directory.removeAll()
        #expect(!exists(""))
    }

    @Test("what is added is read again, from files that only their owner can read")
    func roundTrip() throws {
        try add("0000000a", ["example.com", "internal.example"])
        let stored = try directory.load()
        let authority = try #require(stored.signing.first)
        #expect(
            authority.serial == "0000000a" && authority.domains?.map(\.name) == ["example.com", "internal.example"])
        #expect(authority.root.commonName == "connd root 0000000a of a-host")
        #expect(try authority.leaves.leaf(for: OriginHost(parsing: "a.example.com"), now: Self.now).expires > Self.now)
        #expect(try mode("") == 0o700 && mode("0000000a") == 0o700)
        for name in ["index.json", "0000000a/key.pem", "0000000a/root.pem", "0000000a/intermediate.pem"] {
            #expect(try mode(name) == 0o600, "\(name)")
        }
        // The root's key is nowhere.
        let files = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        #expect(files.filter { $0.hasSuffix("key.pem") } == ["0000000a/key.pem"] && files.count == 5, "\(files)")
        let key = try PrivateKey(pem: String(contentsOfFile: directory.path + "/0000000a/key.pem", encoding: .utf8))
        #expect(authority.intermediate.isOf(key) && !authority.root.isOf(key))
    }

    @Test("an authority that has not changed stays the same object, so that its leaves stay valid")
    func sameObjects() throws {
        try add("0000000a")
        let first = try directory.load().signing
        try add("0000000b", from: Self.now + Self.day)
        let second = try directory.load(known: first).signing
        #expect(second.map(\.serial) == ["0000000a", "0000000b"] && second[0] === first[0])
    }

    @Test("once the next one signs, the old one's key is overwritten and its root stays until the one after it")
    func retirement() throws {
        try add("0000000a")
        try add("0000000b", nil, from: Self.now + Self.day)
        let index = try directory.load().index
        #expect(index.switchTime(now: Self.now) == Self.now + Self.day)
        #expect(index.authorities.map { index.role(of: $0, now: Self.now) } == [.current, .next])
        #expect(try directory.tidy(now: Self.now + Self.day - 1).isEmpty && exists("0000000a/key.pem"))

        // Whoever holds the old file sees what becomes of its content.
        let key = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory.path + "/0000000a/key.pem"))
        let before = try key.readToEnd()
        #expect(try directory.tidy(now: Self.now + Self.day).map(\.serial) == ["0000000a"])
        try key.seek(toOffset: 0)
        let after = try key.readToEnd()
        #expect(after?.count == before?.count && after != before && after?.range(of: Data("KEY".utf8)) == nil)

        let late = try directory.load()
        #expect(
            late.index.authorities.map { late.index.role(of: $0, now: Self.now + Self.day) } == [.retired, .current])
        // A clock that is set back brings nothing back.
        #expect(late.index.authorities.map { late.index.role(of: $0, now: Self.now) } == [.retired, .current])
        #expect(late.signing.map(\.serial) == ["0000000b"] && late.retired.keys.sorted() == ["0000000a"])
        #expect(late.signing[0].domains == nil && late.leftovers.isEmpty)
        #expect(exists("0000000a/root.pem") && !exists("0000000a/key.pem") && !exists("0000000a/intermediate.pem"))

        try add("0000000c", from: Self.now + 2 * Self.day)
        #expect(try directory.load().index.authorities.map(\.serial) == ["0000000b", "0000000c"])
        #expect(!exists("0000000a"))
    }

    @Test("removing leaves nothing, and what is not connd's stays")
    func removal() throws {
        try add("0000000a")
        try directory.removeAll()
        #expect(!exists(""))
        try add("0000000a")
        try "mine".write(toFile: directory.path + "/note", atomically: true, encoding: .utf8)
        try directory.removeAll()
        #expect(try FileManager.default.subpathsOfDirectory(atPath: directory.path) == ["note"])
        #expect(try directory.load().index.authorities.isEmpty)
    }

    // MARK: Interruptions

    /// What there is after the first steps of a change, for every number of them.
    private func interrupted(
        _ steps: [FileStep], from prepare: () throws -> Void, _ check: (Int, StoredAuthorities) throws -> Void
    ) throws {
        for count in 0...steps.count {
            try? FileManager.default.removeItem(atPath: directory.path)
            try prepare()
            do {
                guard let work = try FileWork(directory.path, creating: true) else {
                    throw TestFailure("no directory")
                }
                try work.run(steps.prefix(count))
            }
            // The next start.
            _ = try directory.tidy(now: Self.now)
            try check(count, try directory.load())
            #expect(try directory.load().leftovers.isEmpty)
        }
    }

    private func steps(adding serial: String, from: Int64 = now, to index: AuthorityIndex) throws -> [FileStep] {
        let new = try made(serial)
        return FilePlan.add(
            entry(serial, from: from), root: try new.root.pem(), intermediate: try new.intermediate.pem(),
            key: try new.intermediateKey.pem(), to: index)
    }

    @Test("a creation that is interrupted anywhere leaves no authority and no key, or all of it")
    func interruptedCreation() throws {
        let steps = try steps(adding: "0000000a", to: AuthorityIndex())
        try interrupted(steps, from: {}) { count, stored in
            #expect(stored.signing.map(\.serial) == (count == steps.count ? ["0000000a"] : []), "\(count)")
            #expect(exists("0000000a") == (count == steps.count), "\(count)")
        }
    }

    @Test("a rotation that is interrupted anywhere leaves the old authority alone, or both")
    func interruptedRotation() throws {
        let old = AuthorityIndex([entry("0000000a")])
        let steps = try steps(adding: "0000000b", from: Self.now + Self.day, to: old)
        try interrupted(steps, from: { try add("0000000a") }) { count, stored in
            let expected = count == steps.count ? ["0000000a", "0000000b"] : ["0000000a"]
            #expect(stored.signing.map(\.serial) == expected, "\(count)")
            #expect(exists("0000000b") == (count == steps.count))
        }
    }

    @Test("a retirement or removal that is interrupted anywhere is finished at the next start")
    func interruptedEnd() throws {
        let both = AuthorityIndex([entry("0000000a"), entry("0000000b", from: Self.now + Self.day)])
        func prepare() throws {
            try add("0000000a")
            try add("0000000b", from: Self.now + Self.day)
        }
        try interrupted(FilePlan.retire(["0000000a"], in: both), from: prepare) { count, stored in
            #expect(stored.signing.map(\.serial) == (count == 0 ? ["0000000a", "0000000b"] : ["0000000b"]))
            #expect(exists("0000000a/key.pem") == (count == 0), "\(count)")
        }
        try interrupted(FilePlan.removeAll(["0000000a", "0000000b"]), from: prepare) { count, stored in
            #expect(stored.signing.count == (count == 0 ? 2 : 0))
            #expect(exists("0000000a/key.pem") == (count == 0) && exists("0000000b/key.pem") == (count == 0))
        }
    }

    @Test("half of a new index is not read")
    func halfIndex() throws {
        try add("0000000a")
        try "{".write(toFile: directory.path + "/index.json.new", atomically: false, encoding: .utf8)
        #expect(try directory.load().signing.count == 1)
        try add("0000000b")
        #expect(try directory.load().signing.count == 2)
    }

    @Test("two processes do not change it at once")
    func locked() throws {
        try add("0000000a")
        guard let work = try FileWork(directory.path, creating: false) else { throw TestFailure("no directory") }
        try work.lock()
        #expect(fault { try add("0000000b") } == "another process is changing @/ca: try again")
        #expect(fault { try directory.removeAll() } == "another process is changing @/ca: try again")
        #expect(exists("0000000a/key.pem") && !exists("0000000b"))
        _ = consume work
    }

    // MARK: What cannot be used

    @Test(
        "what others could have read or written is refused, with what to do",
        arguments: [
            ("", 0o750, "others can read or write @/ca: run `chmod 700 @/ca`"),
            ("/index.json", 0o644, "others can read or write @/ca/index.json: run `chmod 600 @/ca/index.json`"),
            (
                "/0000000a/key.pem", 0o640,
                "others can read or write @/ca/0000000a/key.pem: run `chmod 600 @/ca/0000000a/key.pem`"
            ),
        ])
    func modes(name: String, mode: Int, text: String) throws {
        try add("0000000a")
        try #require(chmod(directory.path + name, mode_t(mode)) == 0)
        #expect(fault { _ = try directory.load() } == text)
        // Nothing is tidied where nothing is understood.
        #expect(fault { _ = try directory.tidy(now: Self.now) } == text && exists("0000000a/key.pem"))
        try directory.removeAll()
        #expect(!exists(""))
    }

    @Test("files that do not fit each other are refused")
    func misfits() throws {
        try add("0000000a")
        try add("0000000b")
        func replace(_ name: String, by other: String) throws -> String {
            let path = "\(directory.path)/0000000a/\(name)"
            let kept = try String(contentsOfFile: path, encoding: .utf8)
            try write(path, try String(contentsOfFile: directory.path + "/" + other, encoding: .utf8))
            defer { try? write(path, kept) }
            return fault { _ = try directory.load() }
        }
        #expect(
            try replace("key.pem", by: "0000000b/key.pem")
                == "@/ca/0000000a/key.pem is the key of another certificate than intermediate.pem's")
        #expect(
            try replace("root.pem", by: "0000000b/root.pem")
                == "@/ca/0000000a/intermediate.pem was not issued by root.pem")
        #expect(
            try replace("key.pem", by: "0000000a/root.pem").hasPrefix("@/ca/0000000a/key.pem cannot be used: "))
        #expect(try replace("root.pem", by: "index.json").hasPrefix("@/ca/0000000a/root.pem cannot be used: "))
        #expect(try directory.load().signing.count == 2)
    }

    private func write(_ path: String, _ text: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    @Test(
        "an index that is none is refused, and no file is touched",
        arguments: ["", "{}", "[1]", #"{"format":2,"authorities":[]}"#])
    func badIndex(text: String) throws {
        try add("0000000a")
        try write(directory.path + "/index.json", text)
        let said = "@/ca/index.json cannot be read: it is none that this connd has written"
        #expect(fault { _ = try directory.tidy(now: Self.now) } == said)
        #expect(fault { try add("0000000b") } == said)
        #expect(exists("0000000a/key.pem") && !exists("0000000b"))
    }

    @Test("without its index the directory is not understood, so nothing in it is touched")
    func noIndex() throws {
        try add("0000000a")
        try FileManager.default.removeItem(atPath: directory.path + "/index.json")
        #expect(
            fault { _ = try directory.tidy(now: Self.now) }
                == "@/ca has authorities, but no index.json that tells what they are")
        #expect(exists("0000000a/key.pem"))
    }

    @Test("a missing key and a link in its place are told; a link's target is never overwritten")
    func links() throws {
        try add("0000000a")
        let key = directory.path + "/0000000a/key.pem"
        let target = try folder.write("target", "precious")
        try FileManager.default.removeItem(atPath: key)
        #expect(fault { _ = try directory.load() } == "there is no @/ca/0000000a/key.pem")
        try FileManager.default.createSymbolicLink(atPath: key, withDestinationPath: target)
        #expect(fault { _ = try directory.load() }.hasPrefix("cannot read @/ca/0000000a/key.pem: "))
        try directory.removeAll()
        #expect(try !exists("") && String(contentsOfFile: target, encoding: .utf8) == "precious")
    }
}
