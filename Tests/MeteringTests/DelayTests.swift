import Metering
import Testing

@Suite("Waits for delayed acknowledgements")
struct DelayTests {
    private func pattern(_ exchanges: Int, _ waits: [(Int, Int64)]) -> WaitPattern {
        var pattern = WaitPattern()
        pattern.exchanges = exchanges
        for (count, milliseconds) in waits { for _ in 0..<count { pattern.record(wait: milliseconds * 1000) } }
        return pattern
    }

    @Test("are found where one in twenty exchanges waits for 40 or 200 ms, and few for a little more or less")
    func found() {
        #expect(pattern(400, [(20, 41)]).quantum == .forty)
        #expect(pattern(400, [(20, 200)]).quantum == .twoHundred)
        #expect(pattern(100, [(20, 44), (5, 33)]).quantum == .forty)
    }

    @Test("are not found in few exchanges, rare ones, or where waits of all lengths occur")
    func notFound() {
        #expect(pattern(100, [(19, 41)]).quantum == nil)
        #expect(pattern(401, [(20, 41)]).quantum == nil)
        #expect(pattern(100, [(20, 41), (6, 50)]).quantum == nil)
        #expect(pattern(100, (25..<60).map { (4, $0) }).quantum == nil)
        #expect(pattern(100, [(90, 100)]).quantum == nil)
    }

    @Test("of answers are the origin's doing, and what tcp_quickack has changed is told when twenty have shown it")
    func effect() throws {
        var delays = DelayStatistics()
        #expect(delays.findings.isEmpty)
        delays.answers = pattern(50, [(25, 41)])
        delays.answersWithQuickack = pattern(19, [])
        var finding = try #require(delays.findings.first)
        #expect(finding.side == .origin && finding.length == 40 && finding.share == 0.5)
        #expect(finding.shareWithSetting == nil)
        delays.answersWithQuickack = pattern(20, [(1, 41)])
        finding = try #require(delays.findings.first)
        #expect(finding.shareWithSetting == 0.05 && delays.findings.count == 1)
        delays.requestsWithNagle = pattern(40, [(40, 200)])
        #expect(delays.findings.last?.side == .ours && delays.findings.last?.length == 200)
    }
}
