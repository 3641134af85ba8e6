import TestSupport
import Testing

@Suite struct CommandLineTests {
    private func connd(_ arguments: String...) throws -> Subprocess {
        try Subprocess.run(RunningProxy.binary(), arguments)
    }

    @Test("--version says which, --help says how")
    func answers() throws {
        let version = try connd("--version")
        #expect(version.exitCode == 0)
        #expect(version.output.wholeMatch(of: /connd \d+\.\d+\.\d+\n/) != nil)
        let help = try connd("--help")
        #expect(help.exitCode == 0)
        for option in ["--config", "--check-config", "--print-config", "--listen", "--version"] {
            #expect(help.output.contains(option))
        }
    }

    @Test("--check-config accepts a good file and refuses a bad one with file, line and what was meant")
    func checkConfig() throws {
        let folder = try ScratchFolder()
        let good = try folder.write(
            "good.yaml", "settings:\n  max_connections: 8\nhosts:\n  \"*.example.com\": { max_queue: 3 }\n")
        let accepted = try connd("--check-config", "--config", good)
        #expect(accepted.exitCode == 0, "\(accepted)")
        #expect(accepted.output.contains("ok"))
        let bad = try folder.write(
            "bad.yaml", "proxy:\n  listen: [\"127.0.0.1:0\"]\nsettings:\n  max_conections: 8\n  max_queue: many\n")
        for arguments in [["--check-config", "--config", bad], ["--config", bad]] {
            let refused = try Subprocess.run(RunningProxy.binary(), arguments)
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("\(bad):4:3: unknown key `max_conections`"), "\(refused)")
            #expect(refused.errors.contains("did you mean `max_connections`?"))
            #expect(refused.errors.contains("\(bad):5:"))
        }
    }

    @Test("--print-config prints a file that it accepts, with what holds")
    func printConfig() throws {
        let folder = try ScratchFolder()
        let file = try folder.write("connd.yaml", "settings:\n  max_connections: 8\n")
        let printed = try connd("--print-config", "--config", file)
        #expect(printed.exitCode == 0)
        #expect(printed.output.contains("max_connections: 8"))
        #expect(printed.output.contains("max_queue: 256"))
        let again = try folder.write("again.yaml", printed.output)
        #expect(try connd("--check-config", "--config", again).exitCode == 0)
    }

    @Test("an unknown option is a usage error, a missing file a clear one")
    func wrong() throws {
        #expect(try connd("--no-such-option").exitCode != 0)
        let missing = try connd("--config", "/nowhere/connd.yaml")
        #expect(missing.exitCode == 1)
        #expect(missing.errors.contains("/nowhere/connd.yaml"))
    }

    @Test("an address that is taken keeps connd from starting, and it says which")
    func taken() throws {
        let proxy = try RunningProxy()
        let second = try connd("--listen", proxy.authority, "--database", ":memory:", "--admin-listen", "none")
        #expect(second.exitCode == 1)
        #expect(second.errors.contains(proxy.authority))
    }

    @Test("listens on a Unix socket as well")
    func listeners() throws {
        let origin = try FakeOrigin.answering()
        let folder = try ScratchFolder()
        let proxy = try RunningProxy(arguments: ["--listen", "unix:\(folder.path)/proxy.sock"])
        let run = try Subprocess.run(
            "python3",
            [
                "-c",
                """
                import socket, sys
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(30)
                s.connect(sys.argv[1])
                s.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
                data = b""
                while part := s.recv(65536): data += part
                print(data.decode())
                """, "\(folder.path)/proxy.sock", origin.url(),
            ])
        #expect(run.output.contains("hello"), "\(run)")
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }
}
