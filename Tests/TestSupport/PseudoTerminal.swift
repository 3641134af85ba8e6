import Foundation
import Glibc

/// A program on its own terminal: its output, what is typed, the terminal's modes and size. Killed
/// when released. Shared.
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

    /// TIOCGPTN, TIOCSPTLCK and POSIX_SPAWN_SETSID, which Swift does not import.
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

        do {
            pid = try ProcessSpawn.start(
                [path] + arguments, environment: ProcessSpawn.environment(environment),
                defaults: [SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU],
                flags: Self.newSession
            ) { actions in
                posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, slave, O_RDWR, 0)
                posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
                posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO)
            }
        } catch {
            close(master)
            throw error
        }
        let (pid, output) = (pid, output)
        Thread.detachNewThread {
            ProcessSpawn.pump(master) { bytes in output.change { $0.bytes += bytes } }
            output.change { $0.isOpen = false }
        }
        Thread.detachNewThread {
            ProcessSpawn.reap(pid) { status in output.change { $0.waitStatus = status() } }
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

    /// Whether input is echoed and read by lines, as a shell sets it.
    package var isCooked: Bool {
        var modes = termios()
        return tcgetattr(master, &modes) == 0 && modes.c_lflag & tcflag_t(ICANON) != 0
            && modes.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Waits until all of `words` have appeared in this order after the first `mark` bytes; returns the number of bytes
    /// up to the end of the last.
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
