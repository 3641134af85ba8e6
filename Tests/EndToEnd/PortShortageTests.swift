import Foundation
import TestSupport
import Testing

/// In a network of its own with 200 local ports, each of which TIME_WAIT keeps for a minute.
@Suite(.enabled(if: getuid() == 0))
struct PortShortageTests {
    /// A connd in its network, and what runs beside it there.
    private final class Host {
        let proxy: RunningProxy

        init(_ settings: String) throws {
            let sysctl = """
                ip link set lo up && echo '40000 40199' >/proc/sys/net/ipv4/ip_local_port_range \
                && echo 0 >/proc/sys/net/ipv4/tcp_tw_reuse && exec "$@"
                """
            proxy = try RunningProxy(
                "settings: { \(settings) }", wrapper: ["unshare", "--net", "sh", "-c", sysctl, "sh"],
                state: try StateFolder())
        }

        private func inside(_ command: [String]) -> [String] { ["--net=/proc/\(proxy.pid)/ns/net"] + command }

        /// `input`: nil for what is typed.
        func start(_ script: String, _ arguments: String..., input: String? = "") throws -> ChildProcess {
            try ChildProcess("nsenter", inside(["python3", "-u", "-c", script] + arguments), input: input)
        }

        func run(_ command: String...) throws -> Subprocess {
            try Subprocess.run("nsenter", inside(command), within: 4 * TestTimeout.milliseconds)
        }

        func connctl(_ arguments: String...) throws -> Subprocess {
            let environment = ["XDG_STATE_HOME": proxy.state?.path ?? ""]
            return try Subprocess.run(
                "nsenter", inside([try RunningProxy.binary("connctl"), "--admin", proxy.adminURL] + arguments),
                environment: environment)
        }

        /// The port of a server that keeps its connections and answers each request.
        func startOrigin() throws -> (process: ChildProcess, port: String) {
            let origin = try start(
                """
                import http.server
                class Handler(http.server.BaseHTTPRequestHandler):
                    protocol_version = 'HTTP/1.1'
                    def do_GET(self):
                        self.send_response(200)
                        self.send_header('Content-Length', '2')
                        self.end_headers()
                        self.wfile.write(b'ok')
                    def log_message(self, *rest): pass
                class Server(http.server.ThreadingHTTPServer):
                    request_queue_size = 512
                    daemon_threads = True
                server = Server(('127.0.0.1', 0), Handler)
                print(server.server_port)
                server.serve_forever()
                """)
            let output = try origin.wait(for: "the origin to listen") { $0.outText.hasSuffix("\n") || $0.hasEnded }
            return (origin, String(output.outText.dropLast()))
        }

        /// Open connections and those in TIME_WAIT from 127.0.0.1 to the port, as ss sees them.
        func counted(port: String) throws -> [Int] {
            let states = try run("ss", "-Htan", "dst", "127.0.0.1:\(port)").output.split(separator: "\n")
                .compactMap { $0.split(separator: " ").first }
            let waits = states.count { $0 == "TIME-WAIT" }
            return [states.count - waits, waits]
        }

        func reported(port: String) throws -> JSONDocument {
            let answer = try JSONDocument(parsing: connctl("ports", "-o", "json").output)
            return answer["paths"].items.first { $0["destination"].text == "127.0.0.1:\(port)" } ?? .null
        }
    }

    /// Sends requests one after the other over one connection, so many a second, and prints what the answers were.
    private static let client = """
        import http.client, sys, time
        proxy, url, count, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
        connection = http.client.HTTPConnection(proxy)
        begun = time.monotonic()
        answers = {}
        for number in range(count):
            time.sleep(max(0, begun + number / rate - time.monotonic()))
            connection.request('GET', url)
            response = connection.getresponse()
            body = response.read().decode()
            answer = '200' if response.status == 200 else f'{response.status} {body}'
            answers[answer] = answers.get(answer, 0) + 1
        print(answers)
        """

    @Test(
        "connections that are closed after each request use the ports up: it is forecast, then connd queues, and no client notices"
    )
    func forecast() throws {
        let host = try Host("max_requests_per_connection: 1, queue_timeout: 30s")
        let (origin, port) = try host.startOrigin()
        let load = try host.start(
            Self.client, host.proxy.authority, "http://127.0.0.1:\(port)/", "230", "30")
        let answers = try load.waitForEnd(within: 4 * TestTimeout.milliseconds)
        #expect(answers.outText == "{'200': 230}\n", "\(answers)")
        let lines = host.proxy.logLines
        let warned = try #require(lines.firstIndex { $0.contains("local ports run out") }, "\(lines)")
        let short = try #require(lines.firstIndex { $0.contains("few local ports are left") }, "\(lines)")
        #expect(warned < short)
        // Connections end and leave TIME_WAIT meanwhile, and connd counts no oftener than it may.
        var (before, after, shown) = ([0], [1], JSONDocument.null)
        let end = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
        while before != after || [shown["open"].int, shown["time_wait"].int] != after, Date() < end {
            before = try host.counted(port: port)
            shown = try host.reported(port: port)
            after = try host.counted(port: port)
        }
        #expect([shown["open"].int, shown["time_wait"].int] == after, "\(shown)")
        #expect(after[1] > 100 && shown["state"].text == "short", "\(shown)")
        #expect((shown["used"].int ?? 0) + (shown["free"].int ?? 0) == 200)
        #expect(shown["origins"].items.map(\.text) == ["http://127.0.0.1:\(port)"])
        let table = try host.connctl("ports")
        #expect(table.output.contains("127.0.0.1:\(port)") && table.output.contains("short"), "\(table)")
        let metrics = try host.run("curl", "-s", "\(host.proxy.adminURL)/metrics").output.split(separator: "\n")
        #expect(metrics.contains("connd_ports_usable 200") && metrics.contains("connd_ports_paths{state=\"short\"} 1"))
        let path = "source=\"127.0.0.1\",destination=\"127.0.0.1:\(port)\""
        #expect(metrics.contains { $0.hasPrefix("connd_ports_time_wait{\(path)} ") }, "\(metrics)")
        withExtendedLifetime(origin) {}
    }

    @Test(
        "while another program has every port a request waits, and is refused in words that help, or served when one is free"
    )
    func exhausted() throws {
        let host = try Host("queue_timeout: 200ms")
        let (origin, port) = try host.startOrigin()
        // Until it is told to give them back.
        let hog = try host.start(
            """
            import errno, socket, struct, sys
            held = []
            while True:
                one = socket.socket()
                try: one.connect(('127.0.0.1', int(sys.argv[1])))
                except OSError as error:
                    assert error.errno == errno.EADDRNOTAVAIL, error
                    break
                held.append(one)
            print(len(held))
            sys.stdin.readline()
            for one in held:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                one.close()
            print('free')
            sys.stdin.readline()
            """, port, input: nil)
        let output = try hog.wait(for: "all ports to be taken") { $0.outText.hasSuffix("\n") || $0.hasEnded }
        #expect((Int(output.outText.dropLast()) ?? 0) > 150, "\(output)")
        let url = "http://127.0.0.1:\(port)/"
        let refused = try host.run("curl", "-si", "-x", host.proxy.url, url)
        #expect(refused.output.hasPrefix("HTTP/1.1 503 "), "\(refused)")
        #expect(refused.output.contains("error=connection_limit_reached"), "\(refused)")
        for part in ["ip_local_port_range", "source_address", "connctl ports"] {
            #expect(refused.output.contains(part), "\(refused)")
        }
        #expect(try host.proxy.totals()["dials_without_port"] ?? 0 > 0)
        #expect(try host.reported(port: port)["free"].int == 0)
        _ = try host.connctl("set", "http://127.0.0.1:\(port)", "queue_timeout=1m")
        let before = try host.proxy.totals()["requests"] ?? 0
        let waiting = try host.start(Self.client, host.proxy.authority, url, "1", "1")
        try host.proxy.waitForTotals("the next request") { $0["requests"] ?? 0 > before }
        hog.type("\n")
        #expect(try waiting.waitForEnd(within: 2 * TestTimeout.milliseconds).outText == "{'200': 1}\n")
        #expect(try host.proxy.totals()["dial_failures.destination_unavailable"] == nil)
        withExtendedLifetime(origin) {}
    }
}
