import Foundation
import TestSupport
import Testing

@Suite struct RealClientTests {
    private func curl(_ proxy: RunningProxy, _ arguments: String..., input: String = "") throws -> Subprocess {
        let run = try Subprocess.run("curl", ["-sS", "--max-time", "30", "-x", proxy.url] + arguments, input: input)
        #expect(run.exitCode == 0, "\(run)")
        return run
    }

    @Test("ten curl processes, one after the other, share one connection to the origin")
    func connectionsSaved() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        for _ in 0..<10 { #expect(try curl(proxy, origin.url()).output == "hello") }
        #expect(origin.record.requests.count == 10)
        #expect(origin.record.connections.count == 1)
        let totals = try proxy.totals()
        #expect(totals["upstream_opened"] == 1)
        #expect(totals["upstream_reused"] == 9)
    }

    @Test("curl speaks HTTP/1.1, HTTP/1.0 and HEAD through it")
    func versions() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        #expect(try curl(proxy, "--http1.1", origin.url("/1.1"), origin.url("/again")).output == "hellohello")
        #expect(try curl(proxy, "--http1.0", origin.url("/1.0")).output == "hello")
        let head = try curl(proxy, "-I", origin.url("/head")).output
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 5\r\n"))
        let record = origin.record
        #expect(
            record.requests.map(\.head.startLine) == ["/1.1", "/again", "/1.0"].map { "GET \($0) HTTP/1.1" } + [
                "HEAD /head HTTP/1.1"
            ])
        #expect(record.requests.allSatisfy { $0.head["Proxy-Connection"].isEmpty })
        #expect(record.connections.count == 1)
    }

    @Test("curl uploads with Expect: 100-continue, with a length and chunked", arguments: [false, true])
    func upload(chunked: Bool) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let folder = try ScratchFolder()
        let body = String(repeating: "0123456789abcdef", count: 200_000)
        let file = try folder.write("upload", body)
        let expect = "Expect: 100-continue"
        let run =
            chunked
            ? try curl(proxy, "-H", expect, "-T", "-", origin.url("/up"), input: body)
            : try curl(proxy, "-H", expect, "-T", file, origin.url("/up"))
        #expect(run.output == "hello")
        let request = try #require(origin.record.requests.first)
        #expect(request.method == "PUT")
        #expect(request.head["Expect"] == ["100-continue"])
        #expect(request.head["Transfer-Encoding"] == (chunked ? ["chunked"] : []))
        #expect(text(request.body) == body)
    }

    @Test("curl tunnels")
    func tunnel() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        #expect(try curl(proxy, "--proxytunnel", origin.url("/tunnelled")).output == "hello")
        let request = try #require(origin.record.requests.first)
        #expect(request.head["Via"].isEmpty)
        #expect(try proxy.totals()["tunnels"] == 1)
    }

    @Test("curl shows an error answer")
    func error() throws {
        let refusing = try RefusingPort()
        let proxy = try RunningProxy()
        let run = try curl(proxy, "-w", "%{http_code}", refusing.url)
        #expect(run.output.hasSuffix("502"))
        #expect(run.output.contains("connection_refused"))
    }

    @Test("wget fetches several files over one connection")
    func wget() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let urls = (0..<3).map { origin.url("/\($0)") }
        let run = try Subprocess.run(
            "wget", ["-q", "-O", "-", "--tries=1", "--timeout=30"] + urls, environment: ["http_proxy": proxy.url])
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.output == "hellohellohello")
        #expect(origin.record.requests.count == 3)
        #expect(origin.record.connections.count == 1)
    }

    @Test("five Python processes with urllib share one connection")
    func urllib() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let program = """
            import sys, urllib.request
            print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode(), end="")
            request = urllib.request.Request(sys.argv[1], data=b"a=b")
            print(urllib.request.urlopen(request, timeout=30).status)
            try:
                urllib.request.urlopen(sys.argv[2], timeout=30)
            except urllib.error.HTTPError as error:
                print(error.code, error.headers["Proxy-Status"].split(";")[1].strip())
            """
        let refusing = try RefusingPort()
        for _ in 0..<5 {
            let run = try Subprocess.run(
                "python3", ["-c", program, origin.url(), refusing.url], environment: ["http_proxy": proxy.url])
            #expect(run.output == "hello200\n502 error=connection_refused\n", "\(run)")
        }
        #expect(origin.record.requests.count == 10)
        #expect(origin.record.connections.count == 1)
    }
}
