import Glibc
import TLS
import TestSupport
import Testing

@Suite struct FileStampsTests {
    @Test("a file whose permissions change has changed: it may be readable now")
    func permissions() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("key.pem", "k")
        let before = FileStamps([path])
        #expect(FileStamps([path]) == before)
        // The kernel's clock of files moves in steps of some milliseconds.
        let deadline = ContinuousClock.now + .seconds(30)
        while FileStamps([path]) == before, ContinuousClock.now < deadline { #expect(chmod(path, 0o600) == 0) }
        #expect(FileStamps([path]) != before)
    }
}
