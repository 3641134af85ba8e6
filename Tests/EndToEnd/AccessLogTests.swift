import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct AccessLogTests {
    /// The whole lines of a file, once there are enough of them.
    private func lines(_ path: String, atLeast count: Int) throws -> [String] {
        let watch = try FolderWatch(URL(filePath: path).deletingLastPathComponent().path)
        return try watch.wait(for: "\(count) lines in \(path)") {
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
            return lines.count >= count ? lines : nil
        }
    }

    private func objects(_ lines: [String]) throws -> [[String: Any]] {
        try lines.map { line in
            try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
    }

    @Test("each exchange is one line of JSON")
    func json() throws {
        let (origin, refusing, folder) = (try FakeOrigin.answering(), try RefusingPort(), try ScratchFolder())
        let path = folder.path + "/access.log"
        let proxy = try RunningProxy("access_log: { path: \(path), format: json }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url("/a?q=\"\\")).status == 200)
        try client.send("POST", origin.url("/b"), body: "data")
        #expect(try client.response().status == 200)
        #expect(try client.get(refusing.url).status == 502)
        let rows = try objects(lines(path, atLeast: 3))
        #expect(rows.map { $0["method"] as? String } == ["GET", "POST", "GET"])
        #expect(rows.map { $0["status"] as? Int } == [200, 200, 502])
        #expect(rows.map { $0["target"] as? String } == [origin.url("/a?q=\"\\"), origin.url("/b"), refusing.url])
        #expect(rows.map { $0["reused"] as? Bool }.prefix(2) == [false, true])
        #expect(rows[2]["error"] as? String == "connection_refused")
        #expect(try #require(rows[0]["bytes_out"] as? Int) >= 5)
        #expect(try #require(rows[1]["bytes_in"] as? Int) >= 4)
        for row in rows {
            #expect((row["time"] as? String)?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
            #expect(row["total_ms"] is NSNumber)
        }
    }

    @Test("text is one line each, and no request can forge one")
    func text() throws {
        let (origin, folder) = (try FakeOrigin.answering(), try ScratchFolder())
        let path = folder.path + "/access.log"
        let proxy = try RunningProxy("access_log: { path: \(path), format: text }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url("/a?\"quoted\"")).status == 200)
        #expect(try client.get(origin.url("/b")).status == 200)
        let lines = try lines(path, atLeast: 2)
        #expect(lines.count == 2)
        #expect(lines[0].contains("\"GET \(origin.url("/a?\\\"quoted\\\""))\" 200 "))
        #expect(lines[1].contains("\"GET \(origin.url("/b"))\" 200 "))
    }

    @Test("SIGUSR1 opens the file anew, and no line is lost")
    func reopen() throws {
        let (origin, folder) = (try FakeOrigin.answering(), try ScratchFolder())
        let path = folder.path + "/access.log"
        let proxy = try RunningProxy("access_log: { path: \(path) }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url("/1")).status == 200)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        proxy.process.signal(SIGUSR1)
        _ = try lines(path, atLeast: 0)
        try FolderWatch(folder.path).wait(for: "the new file") {
            FileManager.default.fileExists(atPath: path) ? () : nil
        }
        #expect(try client.get(origin.url("/2")).status == 200)
        #expect(try objects(lines(path, atLeast: 1)).map { $0["target"] as? String } == [origin.url("/2")])
        #expect(try objects(lines(path + ".1", atLeast: 1)).map { $0["target"] as? String } == [origin.url("/1")])
    }

    @Test("to stdout, and all is written by the time connd has ended")
    func standardOutput() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(arguments: ["--access-log", "stdout"])
        let client = try ScriptedClient(proxy)
        for number in 0..<50 { #expect(try client.get(origin.url("/\(number)")).status == 200) }
        proxy.terminate()
        let output = try proxy.process.waitForEnd()
        let rows = try objects(output.outText.split(separator: "\n").map(String.init))
        #expect(rows.map { $0["target"] as? String } == (0..<50).map { origin.url("/\($0)") })
    }

    @Test("there is none by default")
    func none() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        proxy.terminate()
        let output = try proxy.process.waitForEnd()
        #expect(output.out.isEmpty)
        #expect(!output.errText.contains("GET"))
    }

    @Test("a file that cannot be opened keeps connd from starting, and it says which")
    func cannotOpen() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/missing/access.log"
        let run = try Subprocess.run(
            RunningProxy.binary(),
            ["--listen", "127.0.0.1:0", "--access-log", path, "--database", ":memory:", "--admin-listen", "none"])
        #expect(run.exitCode == 1)
        #expect(run.errors.contains(path))
    }

    @Test("a log that takes nothing more holds up no client, no reload and no stop")
    func stalled() throws {
        let folder = try ScratchFolder()
        let path = "\(folder.path)/fifo"
        try #require(mkfifo(path, 0o600) == 0)
        // Read by nobody: it is full soon.
        let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("access_log: { path: \(path) }", state: try StateFolder())
        let client = try ScriptedClient(proxy)
        for _ in 0..<500 { #expect(try client.get(origin.url()).status == 200) }
        proxy.process.signal(SIGUSR1)
        #expect(try client.get(origin.url()).status == 200)
        try proxy.reload("access_log: { path: none }")
        #expect(try client.get(origin.url()).status == 200)
        proxy.terminate()
        try proxy.waitForEnd()
    }

    @Test("a FIFO that nobody reads is refused at once")
    func unread() throws {
        let folder = try ScratchFolder()
        let path = "\(folder.path)/fifo"
        try #require(mkfifo(path, 0o600) == 0)
        let proxy = try RunningProxy(state: try StateFolder())
        try proxy.rewriteConfig("access_log: { path: \(path) }")
        let run = try proxy.connctl("reload")
        #expect(run.exitCode == 1 && run.errors.contains(path), "\(run)")
    }
}
