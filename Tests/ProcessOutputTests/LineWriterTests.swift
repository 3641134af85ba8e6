import Dispatch
import Glibc
import ProxyTypes
import Synchronization
import Testing

@testable import ProcessOutput

@Suite("The writer of a log")
struct LineWriterTests {
    private let tally = LossTally()

    private func writer(_ target: LineWriter.Target, lines: Int = 100, _ notice: LineWriter.LossNotice? = nil)
        -> LineWriter
    {
        LineWriter(
            target, name: "test", limit: LineLimit(bytes: 1 << 20, lines: lines), tally: tally,
            notice: notice ?? .line { Array("LOST \($0)\n".utf8) })
    }

    private func add(_ numbers: Range<Int>, to writer: LineWriter) {
        for number in numbers { writer.add { $0 += "line \(number)\n".utf8 } }
    }

    /// The numbers of lines, with those that are told as lost counted on.
    private func gapless(_ lines: [String]) -> Int? {
        var next = 0
        for line in lines {
            if line.hasPrefix("LOST "), let count = Int(line.dropFirst(5)) {
                next += count
            } else {
                guard line == "line \(next)" else { return nil }
                next += 1
            }
        }
        return next
    }

    @Test("what fits is written in order, by the time it has been flushed", arguments: [0, 64, 65536])
    func order(chunk: Int) throws {
        let pipe = try Pipe()
        let writer = writer(.descriptor(pipe.writeEnd, chunk: chunk))
        add(0..<50, to: writer)
        #expect(writer.flush(within: .seconds(30)) == 0)
        #expect(pipe.lines { $0 == "line 49" } == (0..<50).map { "line \($0)" })
        #expect(tally.total == 0)
    }

    @Test(
        "a pipe that nobody reads holds up nobody; what is lost is counted, and told in its place", arguments: [0, 256])
    func nobodyReads(chunk: Int) throws {
        let pipe = try Pipe()
        pipe.fill()
        let writer = writer(.descriptor(pipe.writeEnd, chunk: chunk))
        add(0..<1000, to: writer)
        #expect(writer.flush(within: .milliseconds(1)) > 0)
        let lost = tally[.queueFull]
        #expect(lost >= 800 && tally.total == lost)
        // In several places where the writer took some of the lines before all had come.
        var seen: [String] = []
        let lines = pipe.lines { line in
            seen.append(line)
            return gapless(seen) == 1000
        }
        #expect(lines.filter { $0.hasPrefix("LOST ") }.compactMap { Int($0.dropFirst(5)) }.reduce(0, +) == lost)
        #expect(gapless(lines) == 1000)
        // It goes on as if nothing had been.
        add(1000..<1010, to: writer)
        #expect(gapless(lines + pipe.lines { $0 == "line 1009" }) == 1010)
        #expect(tally.total == lost)
    }

    @Test("lines from many threads are whole, and all are there")
    func threads() throws {
        let pipe = try Pipe()
        let writer = writer(.descriptor(pipe.writeEnd, chunk: 0), lines: 10_000)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<100 { writer.add { $0 += "\(thread) \(number)\n".utf8 } }
        }
        writer.add { $0 += "end\n".utf8 }
        let lines = pipe.lines { $0 == "end" }
        for thread in 0..<8 {
            #expect(lines.filter { $0.hasPrefix("\(thread) ") } == (0..<100).map { "\(thread) \($0)" })
        }
    }

    @Test("a descriptor that another process made non-blocking is waited for all the same")
    func nonBlocking() throws {
        let pipe = try Pipe()
        pipe.fill()
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        let writer = writer(.descriptor(pipe.writeEnd, chunk: 0))
        add(0..<10, to: writer)
        #expect(pipe.lines { $0 == "line 9" } == (0..<10).map { "line \($0)" })
        #expect(tally.total == 0)
    }

    @Test("what the system refuses is lost, counted, and holds up nothing")
    func refused() throws {
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let writer = writer(.descriptor(descriptor, chunk: 0))
        add(0..<30, to: writer)
        #expect(writer.flush(within: .seconds(30)) == 0)
        #expect(tally[.writeFailed] == 30 && tally.total == 30)
    }

    @Test("a pipe without a reader is refused too")
    func noReader() throws {
        let pipe = try Pipe()
        pipe.closeReadEnd()
        let writer = writer(.descriptor(pipe.writeEnd, chunk: 4096))
        add(0..<30, to: writer)
        #expect(writer.flush(within: .seconds(30)) == 0)
        #expect(tally[.writeFailed] == 30)
    }

    @Test("what a receiver refused is told elsewhere: once when it begins, the rest when it takes lines again")
    func elsewhere() {
        let isOpen = Atomic(false)
        let told = Mutex([Int]())
        let writer = writer(
            .datagrams { _ in isOpen.load(ordering: .relaxed) },
            .elsewhere { count in told.withLock { $0.append(count) } })
        add(0..<7, to: writer)
        writer.flush(within: .seconds(30))
        #expect(told.withLock { $0 } == [1] && tally[.writeFailed] == 7)
        isOpen.store(true, ordering: .relaxed)
        add(7..<9, to: writer)
        writer.flush(within: .seconds(30))
        #expect(told.withLock { $0 } == [1, 6] && tally.total == 7)
        isOpen.store(false, ordering: .relaxed)
        add(9..<12, to: writer)
        let ended = DispatchSemaphore(value: 0)
        writer.retire(timeout: .seconds(30)) { ended.signal() }
        #expect(ended.wait(timeout: .now() + .seconds(60)) == .success)
        #expect(told.withLock { $0 } == [1, 6, 1, 2])
    }

    @Test("where nobody takes what is left it is given up, and its end is called")
    func leftBehind() throws {
        let pipe = try Pipe()
        pipe.fill()
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        let writer = writer(.descriptor(pipe.writeEnd, chunk: 0))
        add(0..<20, to: writer)
        let ended = DispatchSemaphore(value: 0)
        writer.retire(timeout: .milliseconds(1)) { ended.signal() }
        #expect(ended.wait(timeout: .now() + .seconds(60)) == .success)
        #expect(tally[.leftBehind] == 20 && tally.total == 20)
    }

    @Test("what is left is written before the end where somebody takes it")
    func retired() throws {
        let pipe = try Pipe()
        let writer = writer(.descriptor(pipe.writeEnd, chunk: 0))
        add(0..<20, to: writer)
        let ended = DispatchSemaphore(value: 0)
        writer.retire(timeout: .seconds(60)) { ended.signal() }
        #expect(ended.wait(timeout: .now() + .seconds(60)) == .success)
        #expect(pipe.lines { $0 == "line 19" }.count == 20 && tally.total == 0)
    }
}
