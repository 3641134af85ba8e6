import Foundation
import Glibc

/// Starts programs for tests, reads what they write and reaps them. No state.
enum ProcessSpawn {
    /// The environment of the test runner, without proxy variables.
    static func environment(_ changes: [String: String?]) -> [String: String] {
        var all = ProcessInfo.processInfo.environment.filter { !$0.key.lowercased().hasSuffix("_proxy") }
        for (key, value) in changes { all[key] = value }
        return all
    }

    /// `words` are the program's path and its arguments. No signal is blocked in it, and `defaults` do what they do by
    /// default; the runner's threads block signals, and it ignores some.
    static func start(
        _ words: [String], environment: [String: String], defaults: [Int32], flags: Int16 = 0,
        _ describe: (inout posix_spawn_file_actions_t) -> Void
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        describe(&actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in defaults { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | flags)
        var pid: pid_t = 0
        let result = withCStrings(words) { argv in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                Inheritance.held { posix_spawn(&pid, words[0], &actions, &attributes, argv, envp) }
            }
        }
        guard result == 0 else {
            throw TestFailure("\(words[0]) cannot be started: \(String(cString: strerror(result)))")
        }
        return pid
    }

    /// Reads until the end, or until no process has the other end of a terminal open (EIO).
    static func pump(_ descriptor: Int32, _ got: (ArraySlice<UInt8>) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            got(buffer[..<count])
        }
    }

    /// Waits without reaping, then reaps inside `record`, whose lock prevents a signal to an id that is free again.
    static func reap(_ pid: pid_t, _ record: (_ status: () -> Int32) -> Void) {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        record {
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            return status
        }
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
