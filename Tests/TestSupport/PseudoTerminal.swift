import Foundation
import Glibc

/// A program on a terminal of its own: what it writes there, what is typed to it, the terminal's modes and size. Killed
/// when let go of. Shared.
package final class PseudoTerminal: Sendable {
    package struct Output: Sendable, CustomStringConvertible {
        package var bytes: [UInt8] = []
        package var isOpen = true
        /// As `waitpid` gives it.
        package var waitStatus: Int32?

        package var text: String { TestSupport.text(bytes) }
        package var description: String { "ended: \(waitStatus != nil), output: \(text.debugDescription)" }
        package var hasEnded: Bool { waitStatus != nil && !isOpen }
    }

    /// What the C library's headers keep from Swift: TIOCGPTN, TIOCSPTLCK, POSIX_SPAWN_SETSID.
    private static let getNumber: UInt = 0x8004_5430
    private static let setLock: UInt = 0x4004_5431
    private static let newSession: Int16 = 0x80

    private let master: Int32
    private let pid: Int32
    private let output = EventSource(Output())

    /// The program leads a session whose terminal this is. `environment` nil for a variable: it is not set.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String?] = [:], columns: UInt16 = 120,
        rows: UInt16 = 30
    ) throws {
        let path = try ChildProcess.find(program)
        let master = Inheritance.held { open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) }
        var (number, locked): (UInt32, Int32) = (0, 0)
        guard master >= 0, ioctl(master, Self.getNumber, &number) == 0, ioctl(master, Self.setLock, &locked) == 0 else {
            throw StreamSocket.failure("opening a terminal")
        }
        let slave = "/dev/pts/\(number)"
        self.master = master
        Self.setSize(master, columns, rows)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, slave, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The runner's threads block signals, and it ignores some; a shell would leave both as they are.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU] {
            sigaddset(&signals, number)
        }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Self.newSession)
        var all = ProcessInfo.processInfo.environment.filter { !$0.key.lowercased().hasSuffix("_proxy") }
        for (key, value) in environment { all[key] = value }
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var pid: Int32 = 0
        let result = Inheritance.held { posix_spawn(&pid, path, &actions, &attributes, words, variables) }
        guard result == 0 else {
            close(master)
            throw TestFailure("\(path) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        let (started, output) = (pid, output)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = read(master, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                // EIO: nobody has the other end any more.
                guard count > 0 else { break }
                output.change { $0.bytes += buffer[..<count] }
            }
            output.change { $0.isOpen = false }
        }
        Thread.detachNewThread {
            var info = siginfo_t()
            // Looks first and reaps under the lock, so that no signal can go to an id that is free again.
            while waitid(P_PID, id_t(started), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            output.change { output in
                var status: Int32 = 0
                waitpid(started, &status, 0)
                output.waitStatus = status
            }
        }
    }

    deinit {
        // The whole session: a stopped program of the shell's would stay.
        output.change { output in
            if output.waitStatus == nil {
                kill(-pid, SIGKILL)
                kill(pid, SIGKILL)
            }
        }
        // Its hang-up ends the others.
        close(master)
    }

    package var current: Output { output.current }

    package func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    package func signal(_ number: Int32) {
        output.change { output in
            if output.waitStatus == nil { kill(pid, number) }
        }
    }

    package func resize(columns: UInt16, rows: UInt16) {
        Self.setSize(master, columns, rows)
    }

    /// Whether what is typed is echoed and comes by lines, as a shell has it.
    package var isCooked: Bool {
        var modes = termios()
        return tcgetattr(master, &modes) == 0 && modes.c_lflag & tcflag_t(ICANON) != 0
            && modes.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Waits until all of `words` have come, one behind the other, after the first `mark` bytes; returns how many bytes
    /// there are up to the end of the last.
    @discardableResult
    package func wait(for words: String..., after mark: Int = 0) throws -> Int {
        var end = mark
        try output.wait(for: "the terminal to show \(words)") { output in
            end = mark
            for word in words {
                guard let found = output.bytes.dropFirst(end).firstRange(of: Array(word.utf8)) else { return false }
                end = found.upperBound
            }
            return true
        }
        return end
    }

    @discardableResult
    package func waitForEnd() throws -> Output {
        try output.wait(for: "the program on the terminal to end") { $0.hasEnded }
    }

    private static func setSize(_ master: Int32, _ columns: UInt16, _ rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }
}
