import Foundation
import Glibc

/// A program that runs beside the test: its output as it arrives, its end, and signals to it. Killed when released.
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
    /// Nil where its input is at its end.
    private let terminal: Int32?

    /// `program` is a path or is looked up in PATH; one that is missing fails the test that needs it. `input` is all of
    /// its input; nil: what is typed. `passing`: the child has these as its descriptors 3, 4, …
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = "",
        directory: String? = nil, passing: [SocketUnit] = []
    ) throws {
        var (path, arguments) = (try Self.find(program), arguments)
        if let directory { (path, arguments) = (try Self.find("env"), ["-C", directory, path] + arguments) }
        let (out, err, source) = (try Inheritance.pipe(), try Inheritance.pipe(), try Inheritance.pipe())
        defer { for descriptor in [out.write, err.write, source.read] { close(descriptor) } }
        do {
            pid = try ProcessSpawn.start(
                [path] + arguments, environment: ProcessSpawn.environment(environment), defaults: [SIGPIPE]
            ) { actions in
                posix_spawn_file_actions_adddup2(&actions, source.read, STDIN_FILENO)
                posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO)
                posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO)
                for (index, unit) in passing.enumerated() {
                    posix_spawn_file_actions_adddup2(&actions, unit.descriptor, STDERR_FILENO + 1 + Int32(index))
                }
            }
        } catch {
            for descriptor in [out.read, err.read, source.write] { close(descriptor) }
            throw error
        }
        // A child that does not read its input must not end the test with SIGPIPE.
        Glibc.signal(SIGPIPE, SIG_IGN)
        let (pid, output) = (pid, output)
        if let input {
            terminal = nil
            Thread.detachNewThread {
                Self.write(input, to: source.write)
                close(source.write)
            }
        } else {
            terminal = source.write
        }
        Thread.detachNewThread { Self.pump(out.read, into: output, \.out) }
        Thread.detachNewThread { Self.pump(err.read, into: output, \.err) }
        Thread.detachNewThread {
            ProcessSpawn.reap(pid) { status in output.change { $0.waitStatus = status() } }
        }
    }

    deinit {
        signal(SIGKILL)
        if let terminal { close(terminal) }
    }

    package func type(_ text: String) {
        if let terminal { Self.write(text, to: terminal) }
    }

    package var current: Output { output.current }

    @discardableResult
    package func wait(
        for what: String, within milliseconds: Int = TestTimeout.milliseconds, _ rule: (Output) -> Bool
    ) throws -> Output {
        try output.wait(for: what, within: milliseconds, rule)
    }

    /// Waits until it has ended and all its output was read.
    @discardableResult
    package func waitForEnd(within milliseconds: Int = TestTimeout.milliseconds) throws -> Output {
        do {
            return try wait(for: "process \(pid) to end", within: milliseconds) { $0.hasEnded }
        } catch {
            signal(SIGKILL)
            throw error
        }
    }

    /// Does nothing once the process was reaped: its id may belong to another one by then.
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

    private static func pump(
        _ descriptor: Int32, into output: EventSource<Output>, _ stream: WritableKeyPath<Output, [UInt8]>
    ) {
        ProcessSpawn.pump(descriptor) { bytes in output.change { $0[keyPath: stream] += bytes } }
        close(descriptor)
        output.change { $0.openStreams -= 1 }
    }

    private static func write(_ input: String, to descriptor: Int32) {
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
    }
}
