import Metering
import ProxyTypes

/// The line that `systemctl status` shows. Pure.
struct ServiceSummary {
    private var requests = 0
    private var time: Instant?

    mutating func line(origins: Int, gauges: OriginGauges, reused: Int, leases: Int, requests: Int, now: Instant)
        -> String
    {
        let open = gauges.idle + gauges.parked + gauges.leased + gauges.pinned + gauges.draining
        var line = "\(Self.counted(origins, "origin")), \(Self.counted(open, "connection")) (\(gauges.leased) busy)"
        if leases > 0 { line += ", \(Self.tenths(reused * 1000 / leases))% reuse" }
        if let time, now > time {
            let rate = Double(max(requests - self.requests, 0)) * 1e9 / Double((now - time).nanoseconds)
            line += ", \(Self.rate(rate)) requests/s"
        }
        if gauges.waiting > 0 { line += ", \(gauges.waiting) waiting" }
        (self.requests, time) = (requests, now)
        return line
    }

    private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private static func tenths(_ number: Int) -> String { "\(number / 10).\(number % 10)" }

    private static func rate(_ rate: Double) -> String { rate < 10 ? tenths(Int(rate * 10)) : "\(Int(rate.rounded()))" }
}
