import AdminModels

/// What handshakes and collapsed congestion windows cost, in words. Pure.
enum SlowStartText {
    private static let remedy = "net.ipv4.tcp_slow_start_after_idle=0 avoids it"

    /// Nil without requests.
    static func waits(_ waits: HandshakeWaitsReport) -> String? {
        guard let share = waits.share else { return nil }
        let parts = [("dns", waits.dnsMs), ("connect", waits.connectMs), ("tls", waits.tlsMs)].filter { $0.1 > 0 }
        let names = parts.map { "\(Formatting.duration(ms: $0.1)) \($0.0)" }.joined(separator: ", ")
        return "requests waited for them for \(Formatting.share(share)) of their time"
            + (parts.isEmpty ? "" : " (\(names))")
    }

    static func add(_ slowStart: SlowStartReport, afterIdle: Bool?, to facts: inout LabelledList) {
        if slowStart.uploads > 0 {
            facts.add("uploads", uploads(slowStart, afterIdle), slowStart.costly > 0 ? .warning : .plain)
        }
        if slowStart.widened > 0 {
            facts.add(
                "widest",
                "chose a wider window than lifo for \(Formatting.plural(slowStart.widened, "upload")): "
                    + "\(Formatting.plural(slowStart.roundTripsSaved, "round trip")), about \(slowStart.saved), saved")
        }
        if let answers = answers(slowStart) {
            facts.add("long answers", answers, slowStart.answerRoundTripsLost == nil ? .plain : .warning)
        }
    }

    private static func uploads(_ slowStart: SlowStartReport, _ afterIdle: Bool?) -> String {
        let text =
            "\(Formatting.count(slowStart.collapsed)) of \(Formatting.count(slowStart.uploads)) on reused connections began "
            + "with a window that had collapsed while nothing was sent"
        if slowStart.costly == 0 {
            return text + (afterIdle == false ? " (net.ipv4.tcp_slow_start_after_idle is 0)" : "")
        }
        return "\(text): \(Formatting.plural(slowStart.roundTripsLost, "round trip")), about \(slowStart.lost), lost; "
            + (afterIdle == false ? "net.ipv4.tcp_slow_start_after_idle is 0 now" : remedy)
    }

    private static func answers(_ slowStart: SlowStartReport) -> String? {
        guard !slowStart.answers.isEmpty else { return nil }
        let names = [
            "new": "on new connections", "busy": "right after others", "idle": "after a second and more of idleness",
        ]
        let parts = slowStart.answers.map { trips in
            "\(Formatting.size(trips.meanBytes)) \(names[trips.originWas] ?? SafeText.line(trips.originWas)) "
                + "(\(Formatting.count(trips.answers)))"
        }
        let text = "bring in their first round trip " + parts.joined(separator: ", ")
        guard let lost = slowStart.answerRoundTripsLost else { return text }
        return "\(text): the origin's own window collapses, which costs each about \(lost) round trips; "
            + "on the origin's host \(remedy)"
    }

    static func restart(_ restart: WindowRestartReport) -> String {
        let text =
            "had collapsed after \(restart.idle) idle, from \(restart.windowBefore) to "
            + "\(Formatting.plural(restart.window, "segment"))"
        guard restart.roundTrips > 0 else { return "\(text), which cost nothing" }
        return "\(text): \(Formatting.plural(restart.roundTrips, "more round trip")), about \(restart.lost); \(remedy)"
    }
}
