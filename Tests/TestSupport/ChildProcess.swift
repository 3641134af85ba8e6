import Foundation
import Glibc

/// A program that runs beside the test: its output as it comes, its end, and signals to it. Killed when let go of.
/// Shared.
package final class ChildProcess: Sendable {
    package struct Output: Sendable, CustomStringConvertible {
        package var out: [UInt8] = []
        package var err: [UInt8] = []
        package var openStreams = 2
        /// As `waitpid` gives it.
        package var waitStatus: Int32?

        package var outText: String { text(out) }
        package var errText: String { text(err) }
        package var description: String { "ended: \(hasEnded), output: \(outText), errors: \(errText)" }
        package var hasEnded: Bool { waitStatus != nil && openStreams == 0 }
        /// The exit code; negative: the signal that ended it.
        package var exitCode: Int32? {
            waitStatus.map { $0 & 0x7F == 0 ? ($0 >> 8) & 0xFF : -($0 & 0x7F) }
        }
    }

    package let pid: Int32
    private let output = EventSource(Output())

    /// `program` is a path or is looked up in PATH; one that is missing fails the test that needs it. `passing`: the child
    /// has these as its descriptors 3, 4, …
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        directory: String? = nil, passing: [SocketUnit] = []
    ) throws {
        var (path, arguments) = (try Self.find(program), arguments)
        if let directory { (path, arguments) = (try Self.find("env"), ["-C", directory, path] + arguments) }
        var all = ProcessInfo.processInfo.environment.filter { !$0.key.lowercased().hasSuffix("_proxy") }
        all.merge(environment) { $1 }
        let (out, err, source) = (try Inheritance.pipe(), try Inheritance.pipe(), try Inheritance.pipe())
        defer { for descriptor in [out.write, err.write, source.read] { close(descriptor) } }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, source.read, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO)
        for (index, unit) in passing.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, unit.descriptor, STDERR_FILENO + 1 + Int32(index))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The runner's threads block signals; a child must not inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var pid: pid_t = 0
        let result = Self.withCStrings([path] + arguments) { argv in
            Self.withCStrings(all.map { "\($0.key)=\($0.value)" }) { envp in
                Inheritance.held { posix_spawn(&pid, path, &actions, &attributes, argv, envp) }
            }
        }
        guard result == 0 else {
            for descriptor in [out.read, err.read, source.write] { close(descriptor) }
            throw TestFailure("\(path) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        // A child that reads no input must not take the test with it.
        Glibc.signal(SIGPIPE, SIG_IGN)
        let (started, output) = (pid, output)
        Thread.detachNewThread { Self.write(input, to: source.write) }
        Thread.detachNewThread {
            Self.pump(out.read) { bytes in
                output.change { $0.out += bytes }
            } ended: {
                output.change { $0.openStreams -= 1 }
            }
        }
        Thread.detachNewThread {
            Self.pump(err.read) { bytes in
                output.change { $0.err += bytes }
            } ended: {
                output.change { $0.openStreams -= 1 }
            }
        }
        Thread.detachNewThread { Self.reap(started, output) }
    }

    deinit {
        signal(SIGKILL)
    }

    package var current: Output { output.current }

    @discardableResult
    package func wait(
        for what: String, within milliseconds: Int = Patience.milliseconds, _ rule: (Output) -> Bool
    ) throws -> Output {
        try output.wait(for: what, within: milliseconds, rule)
    }

    /// Waits for its end, and for all that it wrote.
    @discardableResult
    package func waitForEnd(within milliseconds: Int = Patience.milliseconds) throws -> Output {
        do {
            return try wait(for: "process \(pid) to end", within: milliseconds) { $0.hasEnded }
        } catch {
            signal(SIGKILL)
            throw error
        }
    }

    /// Nothing once it has been waited for: its id may be another's by then.
    package func signal(_ number: Int32) {
        output.change { output in
            if output.waitStatus == nil { _ = kill(pid, number) }
        }
    }

    package static func find(_ program: String) throws -> String {
        if program.contains("/") { return program }
        let search = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
        for folder in search.split(separator: ":") {
            let path = "\(folder)/\(program)"
            if access(path, X_OK) == 0 { return path }
        }
        throw TestFailure("this test needs `\(program)`, which is not installed (apt-get install \(program))")
    }

    // MARK: Threads

    private static func reap(_ pid: pid_t, _ output: EventSource<Output>) {
        var info = siginfo_t()
        // Looks first and reaps under the lock, so that no signal can go to an id that is free again.
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        output.change { output in
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            output.waitStatus = status
        }
    }

    private static func pump(_ descriptor: Int32, _ got: ([UInt8]) -> Void, ended: () -> Void) {
        while true {
            let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
                count = max(read(descriptor, buffer.baseAddress, 65536), 0)
            }
            if bytes.isEmpty { break }
            got(bytes)
        }
        close(descriptor)
        ended()
    }

    private static func write(_ input: String, to descriptor: Int32) {
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        close(descriptor)
    }

    // MARK: Spawning

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
