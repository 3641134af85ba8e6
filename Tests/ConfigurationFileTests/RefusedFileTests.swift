import ConfigurationFile
import Testing

@Suite struct RefusedFileTests {
    @Test("a wrong setting is refused with its place and what is allowed", arguments: RefusedFile.settings)
    func settings(file: RefusedFile) { expectRefused(file) }

    @Test("a wrong host pattern or host setting is refused", arguments: RefusedFile.hosts)
    func hosts(file: RefusedFile) { expectRefused(file) }

    @Test("a wrong value in proxy is refused", arguments: RefusedFile.proxy)
    func proxy(file: RefusedFile) { expectRefused(file) }

    @Test("a wrong key or value elsewhere is refused", arguments: RefusedFile.other)
    func other(file: RefusedFile) { expectRefused(file) }

    @Test("what is not plain YAML is refused", arguments: RefusedFile.yaml)
    func yaml(file: RefusedFile) { expectRefused(file) }

    @Test("all problems of a file are told at once, in the order of the file")
    func allAtOnce() {
        expectRefused(
            .init(
                """
                hosts:
                  "*.example.com": { max_connections: 0 }
                proxy:
                  threds: 1
                  listen: ["127.0.0.1:x", "127.0.0.1:1", ":80"]
                settings:
                  max_queue: lots
                  pipelinig: off
                """,
                "f:2:39: `max_connections` must be 1 to 10000, not 0",
                "f:4:3: unknown key `threds` in proxy; did you mean `threads`?",
                "f:5:12: `proxy.listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an "
                    + "absolute path, not `127.0.0.1:x`",
                "f:5:42: `proxy.listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an "
                    + "absolute path, not `:80`",
                "f:7:14: `max_queue` must be 0 to 100000, not `lots`",
                "f:8:3: unknown key `pipelinig` in settings; did you mean `pipelining`?"))
    }

    @Test("a file that is wrong all over tells a bounded number of problems")
    func bounded() throws {
        let yaml = (0..<5000).map { "key\($0): 1\n" }.joined()
        let failure = try #require(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(text: yaml, file: "f")
        }
        #expect(failure.problems.count == 100)
    }

    @Test("aliases of aliases do not blow up")
    func aliasBomb() throws {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let aliases = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            yaml += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(throws: ConfigurationFailure.self) { try ConfigurationLoader.load(text: yaml, file: "f") }
    }

    @Test("nesting without end is refused")
    func deepNesting() {
        for opening in ["[", "{a: "] {
            let yaml = "proxy: " + String(repeating: opening, count: 100_000)
            #expect(throws: ConfigurationFailure.self) { try ConfigurationLoader.load(text: yaml, file: "f") }
        }
    }

    private func expectRefused(_ file: RefusedFile, sourceLocation: SourceLocation = #_sourceLocation) {
        do {
            _ = try ConfigurationLoader.load(text: file.yaml, file: "f")
            Issue.record("taken: \(file.yaml)", sourceLocation: sourceLocation)
        } catch {
            #expect(error.problems.map(\.description) == file.problems, sourceLocation: sourceLocation)
        }
    }
}
