import AdminModels
import Testing

@testable import connctl

@Suite("What collapsed windows and handshakes cost, in words")
struct SlowStartTextTests {
    @Test("an exchange is told how long its connection was idle, what is left of the window, and what avoids it")
    func restart() {
        var report = WindowRestartReport()
        (report.idle, report.windowBefore, report.window, report.roundTrips, report.lost) = ("42s", 310, 10, 3, "150ms")
        #expect(
            SlowStartText.restart(report)
                == "had collapsed after 42s idle, from 310 to 10 segments: 3 more round trips, about 150ms; "
                + "net.ipv4.tcp_slow_start_after_idle=0 avoids it")
        (report.windowBefore, report.roundTrips) = (11, 0)
        #expect(
            SlowStartText.restart(report) == "had collapsed after 42s idle, from 11 to 10 segments, which cost nothing")
    }

    @Test("requests are told for what share of their time they waited, and for which handshakes")
    func waits() {
        var report = HandshakeWaitsReport()
        #expect(SlowStartText.waits(report) == nil)
        (report.share, report.dnsMs, report.connectMs) = (0.25, 20, 50)
        #expect(
            SlowStartText.waits(report)
                == "requests waited for them for 25.0% of their time (20.0ms dns, 50.0ms connect)")
    }

    private func texts(_ report: SlowStartReport, afterIdle: Bool? = true) -> String {
        var facts = LabelledList()
        SlowStartText.add(report, afterIdle: afterIdle, to: &facts)
        return facts.lines(color: false).joined(separator: "\n")
    }

    @Test("an origin without long uploads and answers is told nothing; others what they lost, and what widest saved")
    func origin() {
        var report = SlowStartReport()
        #expect(texts(report).isEmpty)
        (report.uploads, report.collapsed, report.costly, report.roundTripsLost, report.lost) = (14, 12, 12, 36, "1.8s")
        #expect(
            texts(report).contains("12 of 14 on reused connections")
                && texts(report).contains("36 round trips, about 1.8s"))
        #expect(texts(report).contains("=0 avoids it") && !texts(report, afterIdle: false).contains("avoids"))
        (report.widened, report.roundTripsSaved, report.saved) = (1, 6, "300ms")
        #expect(texts(report).contains("for 1 upload: 6 round trips, about 300ms, saved"))
    }
}
