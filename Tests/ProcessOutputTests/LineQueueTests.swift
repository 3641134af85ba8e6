import ProxyTypes
import Testing

@testable import ProcessOutput

@Suite("Lines that wait to be written")
struct LineQueueTests {
    private func queue(bytes: Int = 1000, lines: Int = 1000) -> LineQueue {
        LineQueue(limit: LineLimit(bytes: bytes, lines: lines))
    }

    private func texts(_ batch: LineQueue.Batch?) -> [String] {
        guard let batch else { return [] }
        let starts = [0] + batch.ends
        return zip(starts, batch.ends).map { String(decoding: batch.bytes[$0..<$1], as: UTF8.self) }
    }

    @Test("they come out whole, in order, and once")
    func order() {
        var queue = queue()
        for line in ["a\n", "bc\n", "d\n"] { #expect(queue.add { $0 += line.utf8 }) }
        #expect(queue.count == 3)
        let batch = queue.take()
        #expect(texts(batch) == ["a\n", "bc\n", "d\n"] && batch?.lostBefore == 0)
        #expect(queue.take() == nil && queue.count == 0)
    }

    @Test("the newest are dropped where there is no room, by bytes or by lines", arguments: [(8, 100), (100, 4)])
    func full(bytes: Int, lines: Int) {
        var queue = queue(bytes: bytes, lines: lines)
        let kept = (0..<9).filter { number in queue.add { $0 += "\(number)\n".utf8 } }
        #expect(kept == [0, 1, 2, 3])
        #expect(texts(queue.take()) == ["0\n", "1\n", "2\n", "3\n"])
    }

    @Test("a gap is told once, in its place: before the first line that is kept again")
    func gap() {
        var queue = queue(lines: 2)
        for number in 0..<5 { _ = queue.add { $0 += "\(number)\n".utf8 } }
        #expect(queue.take()?.lostBefore == 0)
        #expect(queue.add { $0 += "5\n".utf8 })
        let batch = queue.take()
        #expect(batch?.lostBefore == 3 && texts(batch) == ["5\n"])
        #expect(queue.take() == nil)
    }

    @Test("once one is dropped the next ones are too, however small, until the others have been taken")
    func oneGap() {
        var queue = queue(bytes: 10)
        #expect(queue.add { $0 += "12345678\n".utf8 })
        #expect(!queue.add { $0 += "12\n".utf8 })
        #expect(!queue.add { $0 += "".utf8 })
        _ = queue.take()
        #expect(queue.add { $0 += "1\n".utf8 })
        #expect(queue.take()?.lostBefore == 2)
    }

    @Test("a gap that nothing follows is told too")
    func last() {
        var queue = queue(lines: 1)
        for number in 0..<3 { _ = queue.add { $0 += "\(number)\n".utf8 } }
        #expect(texts(queue.take()) == ["0\n"])
        let batch = queue.take()
        #expect(batch?.lostBefore == 2 && texts(batch).isEmpty)
        #expect(queue.take() == nil)
    }

    @Test("a line that is too long for any room is dropped and leaves nothing of itself")
    func tooLong() {
        var queue = queue(bytes: 4)
        #expect(!queue.add { $0 += "12345\n".utf8 })
        let batch = queue.take()
        #expect(batch?.lostBefore == 1 && batch?.bytes.isEmpty == true)
        #expect(queue.add { $0 += "1\n".utf8 })
        #expect(texts(queue.take()) == ["1\n"])
    }

    @Test("what is kept and what is told as lost is all there was, whatever comes when", arguments: 0..<50)
    func sum(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var queue = queue(bytes: 60, lines: 9)
        var (added, seen, lost, next) = (0, 0, 0, 0)
        for _ in 0..<2000 {
            if UInt8.random(in: 0..<8, using: &random) > 0 {
                let line = "\(added)" + String(repeating: "x", count: Int.random(in: 0..<20, using: &random)) + "\n"
                _ = queue.add { $0 += line.utf8 }
                added += 1
            } else if let batch = queue.take() {
                next += batch.lostBefore
                lost += batch.lostBefore
                for line in texts(batch) {
                    #expect(line.hasPrefix("\(next)"))
                    next += 1
                    seen += 1
                }
            }
        }
        while let batch = queue.take() {
            lost += batch.lostBefore
            seen += batch.ends.count
        }
        #expect(seen + lost == added)
    }
}
