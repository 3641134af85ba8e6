import Glibc

/// Another program that connctl runs: git, systemctl, apt-config. Value.
struct ExternalProgram: Sendable {
    let name: String
    let path: String
    let variables: [String: String]
    /// Arguments before those of each run, left out of messages.
    var leading: [String] = []

    struct Run {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Nil if it is not installed.
    init?(_ name: String, variables: [String: String]) {
        let folders = variables["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        let paths = folders.split(separator: ":").map { "\($0)/\(name)" }
        guard let path = paths.first(where: { access($0, X_OK) == 0 }) else { return nil }
        self.name = name
        self.path = path
        // Its messages are parsed.
        self.variables = variables.merging(["LC_ALL": "C"]) { $1 }
    }

    /// `input`: what it reads; nothing if nil.
    func run(_ arguments: [String], input: String? = nil) throws(SetupProblem) -> Run {
        let source = try input.map { text throws(SetupProblem) in try Self.makeFile(text) }
        defer { if let source { close(source) } }
        let output = try makePipe()
        defer { close(output[0]) }
        let errors: [Int32]
        do throws(SetupProblem) { errors = try makePipe() } catch {
            close(output[1])
            throw error
        }
        defer { close(errors[0]) }
        var process = pid_t()
        let code = spawn(&process, arguments, input: source, output: output[1], errors: errors[1])
        for descriptor in [output[1], errors[1]] { close(descriptor) }
        guard code == 0 else { throw .system(path, code) }
        // The output fits in a pipe, so the two can be read one after the other.
        let read = [output[0], errors[0]].map { (try? SmallFile.bytes($0)) ?? [] }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let ended = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        return Run(
            status: ended, output: String(decoding: read[0], as: UTF8.self),
            errors: String(decoding: read[1], as: UTF8.self))
    }

    /// Without a name, and at its start.
    private static func makeFile(_ text: String) throws(SetupProblem) -> Int32 {
        var name = Array("/tmp/connctl-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw .system("/tmp") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(name)
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, lseek(descriptor, 0, SEEK_SET) == 0 else {
            let cause = errno
            close(descriptor)
            throw .system("/tmp", cause)
        }
        return descriptor
    }

    private func makePipe() throws(SetupProblem) -> [Int32] {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(name) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    private func spawn(_ process: inout pid_t, _ arguments: [String], input: Int32?, output: Int32, errors: Int32)
        -> Int32
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        let words = ([path] + leading + arguments).map { strdup($0) } + [nil]
        let environment = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + environment { free(text) } }
        return posix_spawn(&process, path, &actions, nil, words, environment)
    }
}
