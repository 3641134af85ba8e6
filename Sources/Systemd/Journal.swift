import Glibc
import ProxyTypes
import Synchronization

/// Writes entries to journald's socket. Never blocks; counts entries that journald does not accept. Shared.
package final class Journal: Sendable {
    /// Enough for the few hundred entries of journald's own queue; the kernel doubles it for its bookkeeping.
    private static let sendBuffer: CInt = 256 << 10

    private let socket: DatagramSocket
    private let droppedCount = Atomic<Int>(0)

    /// Whether a descriptor is connected to the journal, as JOURNAL_STREAM (`device:inode`) tells.
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

    /// Nil where the socket does not exist, as in a sandbox or container: the caller then logs elsewhere.
    package init?(path: String = "/run/systemd/journal/socket") {
        guard let address = UnixAddress(path), access(path, F_OK) == 0, let socket = DatagramSocket(to: address) else {
            return nil
        }
        socket.requestSendBuffer(Self.sendBuffer)
        self.socket = socket
    }

    /// The number of lost entries.
    package var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// False where the entry was lost: journald is gone or does not keep up.
    @discardableResult
    package func send(_ entry: JournalEntry) -> Bool {
        entry.bytes.withUnsafeBytes { send(encoded: $0) }
    }

    /// An entry's bytes.
    package func send(encoded bytes: UnsafeRawBufferPointer) -> Bool {
        var failure = socket.send(bytes)
        // Too large for a datagram: journald accepts a sealed file instead.
        if failure == EMSGSIZE || failure == ENOBUFS, let file = SealedMemory(Array(bytes)) {
            failure = file.pass(to: socket)
        }
        if failure != 0 { droppedCount.add(1, ordering: .relaxed) }
        return failure == 0
    }
}
