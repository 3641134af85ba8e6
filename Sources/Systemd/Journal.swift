import Glibc
import ProxyTypes
import Synchronization

/// Writes entries to journald's socket; never waits for it, and counts what it would not take. Shared.
package final class Journal: Sendable {
    /// Enough for the few hundred entries that journald's own queue holds; the kernel doubles it for its bookkeeping.
    private static let sendBuffer: CInt = 256 << 10

    private let socket: DatagramSocket
    private let droppedCount = Atomic<Int>(0)

    /// Whether a descriptor is the journal's own stream: JOURNAL_STREAM, `device:inode`, names it.
    package static func isStandardError(environment: [String: String], descriptor: CInt = 2) -> Bool {
        let parts = environment["JOURNAL_STREAM", default: ""].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let device = DecimalText.parse(parts[0], as: UInt64.self),
            let inode = DecimalText.parse(parts[1], as: UInt64.self)
        else {
            return false
        }
        var status = stat()
        return fstat(descriptor, &status) == 0 && UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }

    /// Nil where no such socket is: a sandbox or a container may hide it, and the caller's text is not to be lost.
    package init?(path: String = "/run/systemd/journal/socket") {
        guard let address = UnixAddress(path), access(path, F_OK) == 0, let socket = DatagramSocket(to: address) else {
            return nil
        }
        socket.requestSendBuffer(Self.sendBuffer)
        self.socket = socket
    }

    /// How many entries were lost.
    package var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// False where the entry was lost: journald is gone, or it does not keep up.
    @discardableResult
    package func send(_ entry: JournalEntry) -> Bool {
        entry.bytes.withUnsafeBytes { send(encoded: $0) }
    }

    /// An entry's bytes.
    package func send(encoded bytes: UnsafeRawBufferPointer) -> Bool {
        var failure = socket.send(bytes)
        // Too large for a datagram: journald takes a sealed file in its place.
        if failure == EMSGSIZE || failure == ENOBUFS, let file = SealedMemory(Array(bytes)) {
            failure = file.pass(to: socket)
        }
        if failure != 0 { droppedCount.add(1, ordering: .relaxed) }
        return failure == 0
    }
}
