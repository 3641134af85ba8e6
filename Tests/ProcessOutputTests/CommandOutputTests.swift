import Glibc
import ProcessOutput
import Testing

@Suite("What a command prints")
struct CommandOutputTests {
    @Test("it is written as it is")
    func written() throws {
        let pipe = try Pipe()
        let output = CommandOutput(pipe.writeEnd)
        output.write("one\n")
        output.write("")
        output.write("two ä\n")
        #expect(pipe.lines { $0.hasPrefix("two") } == ["one", "two ä"])
        #expect(output.end == nil)
    }

    @Test("a full disk is a failure with the system's words, and is remembered")
    func full() throws {
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let output = CommandOutput(descriptor)
        output.write("one\n")
        output.write("two\n")
        #expect(output.end == .failed(errorNumber: ENOSPC))
        #expect(output.end?.failure == "No space left on device")
    }

    @Test("a reader that went away is an end, and no failure")
    func noReader() throws {
        let pipe = try Pipe()
        pipe.closeReadEnd()
        let output = CommandOutput(pipe.writeEnd)
        output.write("one\n")
        #expect(output.end == .readerGone && output.end?.failure == nil)
    }

    @Test("nothing to write is no failure, wherever it would go")
    func nothing() {
        let output = CommandOutput(-1)
        output.write("")
        #expect(output.end == nil)
        output.write("one\n")
        #expect(output.end == .failed(errorNumber: EBADF))
    }
}
