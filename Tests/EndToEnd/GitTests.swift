import Foundation
import TestSupport
import Testing

@Suite struct GitTests {
    /// Serves git's own CGI program over HTTP/1.1 with keep-alive, prints its port, and tells at /connections how many
    /// it saw.
    private static let server = #"""
        import http.server, os, subprocess, sys
        root, backend = sys.argv[1:]
        connections = 0
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def setup(self):
                global connections
                connections += 1
                super().setup()
            def log_message(self, *_): pass
            def body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                data = b""
                while size := int(self.rfile.readline(), 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return data
            def serve(self):
                if self.path == "/connections":
                    return self.answer(200, [], str(connections).encode())
                path, _, query = self.path.partition("?")
                data = self.body()
                env = dict(os.environ, GIT_PROJECT_ROOT=root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                    QUERY_STRING=query,
                    REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""),
                    CONTENT_LENGTH=str(len(data)), HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
                    REMOTE_USER="x", REMOTE_ADDR="127.0.0.1", GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
                out = subprocess.run([backend], input=data, env=env, stdout=subprocess.PIPE).stdout
                head, _, rest = out.partition(b"\r\n\r\n")
                status, fields = 200, []
                for line in head.decode().split("\r\n"):
                    name, _, value = line.partition(": ")
                    if name == "Status": status = int(value.split()[0])
                    else: fields.append((name, value))
                self.answer(status, fields, rest)
            def answer(self, status, fields, rest):
                self.send_response(status)
                for field in fields: self.send_header(*field)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest)
            do_GET = do_POST = serve
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """#

    @Test("git clones and pushes over smart HTTP, and the origin sees one connection")
    func cloneAndPush() throws {
        let folder = try ScratchFolder()
        let settings = ["HOME": folder.path, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"]
        func git(_ arguments: String..., proxy: String? = nil, in directory: String) throws -> String {
            var environment = settings
            if let proxy { environment["http_proxy"] = proxy }
            let identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid", "-c", "init.defaultBranch=main"]
            let run = try Subprocess.run("git", identity + arguments, environment: environment, directory: directory)
            #expect(run.exitCode == 0, "\(run)")
            return run.output
        }
        let work = try folder.makeFolder("work")
        var random = SeededBytes(3)
        try folder.write("work/file", random.bytes(200_000).map { String($0, radix: 16) }.joined(separator: "\n"))
        _ = try git("init", "-q", in: work)
        _ = try git("add", ".", in: work)
        _ = try git("commit", "-q", "-m", "first", in: work)
        _ = try git("clone", "-q", "--bare", work, "served/project.git", in: folder.path)
        _ = try git("config", "http.receivepack", "true", in: folder.path + "/served/project.git")

        let backend =
            try git("--exec-path", in: work).trimmingCharacters(in: .whitespacesAndNewlines) + "/git-http-backend"
        let server = try ChildProcess(
            "python3", ["-c", Self.server, folder.path + "/served", backend], environment: settings)
        let output = try server.wait(for: "the server's port") { $0.outText.contains("\n") || $0.hasEnded }
        let port = try #require(Int(output.outText.trimmingCharacters(in: .whitespacesAndNewlines)), "\(output)")
        let proxy = try RunningProxy("settings: { max_connections: 1, idle_timeout: 30s }")

        _ = try git("clone", "-q", "http://127.0.0.1:\(port)/project.git", "cloned", proxy: proxy.url, in: folder.path)
        let cloned = folder.path + "/cloned"
        #expect(try git("rev-parse", "HEAD", in: cloned) == git("rev-parse", "HEAD", in: work))
        #expect(FileManager.default.contentsEqual(atPath: work + "/file", andPath: cloned + "/file"))

        try folder.write("cloned/more", random.bytes(800_000).map { String($0, radix: 16) }.joined(separator: "\n"))
        _ = try git("add", ".", in: cloned)
        _ = try git("commit", "-q", "-m", "second", in: cloned)
        // Small enough a buffer that the push goes out chunked.
        _ = try git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:main", proxy: proxy.url, in: cloned)
        #expect(
            try git("rev-parse", "main", in: folder.path + "/served/project.git")
                == git("rev-parse", "HEAD", in: cloned))

        let connections = try ScriptedClient(proxy).get("http://127.0.0.1:\(port)/connections").text
        #expect(connections == "1")
        #expect(try #require(proxy.totals()["upstream_reused"]) >= 5)
    }
}
