import AdminModels
import Metering

extension HandshakeWaitsReport {
    init(_ statistics: OriginStatistics) {
        self.init()
        let waits = statistics.handshakeWaits
        share = statistics.handshakeShare
        total = APIFormat.duration(microseconds: waits.all)
        dnsMs = APIFormat.milliseconds(waits.dns)
        connectMs = APIFormat.milliseconds(waits.connect)
        tlsMs = APIFormat.milliseconds(waits.tls)
    }
}

extension SlowStartReport {
    init(_ statistics: SlowStartStatistics) {
        self.init()
        uploads = statistics.uploads
        collapsed = statistics.collapsed
        costly = statistics.costly
        roundTripsLost = statistics.roundTripsLost
        lost = APIFormat.duration(microseconds: statistics.timeLost)
        lostMs = APIFormat.milliseconds(statistics.timeLost)
        widened = statistics.widened
        roundTripsSaved = statistics.roundTripsGained
        saved = APIFormat.duration(microseconds: statistics.timeGained)
        savedMs = APIFormat.milliseconds(statistics.timeGained)
        statistics.eachAnswers { kind, trips in
            guard let mean = trips.meanBytes else { return }
            var report = FirstRoundTripsReport()
            (report.originWas, report.answers, report.meanBytes) = (kind, trips.answers, Int(mean))
            answers.append(report)
        }
        answerRoundTripsLost = statistics.answerRoundTripsLost.map { ($0 * 10).rounded() / 10 }
    }
}

extension WindowRestartReport {
    init(_ restart: WindowRestart) {
        self.init()
        idleMs = Int64(restart.idle)
        idle = APIFormat.duration(milliseconds: idleMs)
        windowBefore = Int(restart.windowBefore)
        window = Int(restart.window)
        roundTrips = Int(restart.roundTrips)
        lost = APIFormat.duration(microseconds: restart.timeLost)
        lostMs = APIFormat.milliseconds(restart.timeLost)
    }
}
