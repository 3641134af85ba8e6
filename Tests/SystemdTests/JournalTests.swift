import Glibc
import Systemd
import Testing

@Suite("Entries go to journald")
struct JournalTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/journal"
    }

    @Test("an entry is one datagram, bytes as encoded")
    func datagram() throws {
        let receiver = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        let entry = JournalEntry(message: "a\nb", priority: 3)
        #expect(journal.send(entry))
        let received = try #require(receiver.nextMessage())
        #expect(received.bytes == entry.bytes)
        #expect(received.file == nil)
        #expect(journal.dropped == 0)
    }

    @Test("an entry too large for a datagram comes whole, as a file that is sealed", arguments: [1 << 20, 4 << 20])
    func large(size: Int) throws {
        let receiver = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        let entry = JournalEntry(message: String(repeating: "x", count: size), priority: 6)
        // A failed expectation prints what stands in it: not the megabytes.
        let isSent = journal.send(entry)
        #expect(isSent)
        let (bytes, passed) = try #require(receiver.nextMessage())
        let file = try #require(passed)
        defer { close(file) }
        let isWhole = bytes.isEmpty && fileContents(file) == entry.bytes
        #expect(isWhole)
        // F_GET_SEALS; journald takes F_SEAL_SEAL, SHRINK, GROW and WRITE together.
        #expect(fcntl(file, 1034) & 0xF == 0xF)
        #expect(write(file, "x", 1) == -1 && errno == EPERM)
        #expect(journal.dropped == 0)
    }

    @Test("our own descriptor of the file is closed once it is sent")
    func noLeak() throws {
        let receiver = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        let entry = JournalEntry(message: String(repeating: "x", count: 4 << 20), priority: 6)
        // Another test's file may take the number meanwhile, but hardly each time.
        var numbers: Set<CInt> = []
        for _ in 0..<100 {
            let isSent = journal.send(entry)
            try #require(isSent)
            let passed = receiver.nextMessage()?.file
            let file = try #require(passed)
            numbers.insert(file)
            close(file)
        }
        #expect(numbers.count < 50)
    }

    @Test("a journald that does not keep up is not waited for; what is lost is counted")
    func full() throws {
        let receiver = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        let entry = JournalEntry(message: "m", priority: 6)
        var sent = 0
        while journal.send(entry), sent < 1_000_000 { sent += 1 }
        #expect(sent < 1_000_000)
        #expect(!journal.send(entry))
        #expect(journal.dropped == 2)
        #expect(receiver.nextMessage() != nil)
        #expect(journal.send(entry))
        #expect(journal.dropped == 2)
    }

    @Test("a large entry that finds the queue full is lost and counted too")
    func fullForLarge() throws {
        let receiver = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        while journal.send(JournalEntry(message: "m", priority: 6)) {}
        #expect(!journal.send(JournalEntry(message: String(repeating: "x", count: 4 << 20), priority: 6)))
        #expect(journal.dropped == 2)
        withExtendedLifetime(receiver) {}
    }

    @Test("a journald that was restarted is found again")
    func restarted() throws {
        var receiver: DatagramReceiver? = try DatagramReceiver(path)
        let journal = try #require(Journal(path: path))
        let entry = JournalEntry(message: "m", priority: 6)
        #expect(journal.send(entry))
        receiver = nil
        #expect(!journal.send(entry))
        unlink(path)
        #expect(!journal.send(entry))
        receiver = try DatagramReceiver(path)
        #expect(journal.send(entry))
        #expect(receiver?.nextMessage()?.bytes == entry.bytes)
        #expect(journal.dropped == 2)
    }

    @Test("there is no journal where there is no socket")
    func absent() {
        #expect(Journal(path: path) == nil)
        #expect(Journal(path: "") == nil)
        #expect(Journal(path: "/" + String(repeating: "n", count: 200)) == nil)
    }

    @Test("stderr is the journal where JOURNAL_STREAM names its device and inode")
    func standardError() throws {
        folder.write("", to: "stream")
        let descriptor = open(folder.path + "/stream", O_WRONLY)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        func isJournal(_ text: String?) -> Bool {
            var environment: [String: String] = [:]
            environment["JOURNAL_STREAM"] = text
            return Journal.isStandardError(environment: environment, descriptor: descriptor)
        }
        #expect(isJournal("\(status.st_dev):\(status.st_ino)"))
        #expect(!isJournal("\(status.st_dev):\(status.st_ino + 1)"))
        #expect(!isJournal("\(status.st_dev + 1):\(status.st_ino)"))
        for text in [nil, "", ":", "\(status.st_dev)", "\(status.st_dev):", "\(status.st_dev):\(status.st_ino):1"] {
            #expect(!isJournal(text))
        }
        let environment = ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]
        #expect(!Journal.isStandardError(environment: environment, descriptor: 1_000_000))
    }
}
