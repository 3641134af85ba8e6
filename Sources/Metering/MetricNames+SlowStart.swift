/// Metrics of congestion windows that idleness takes away, and of what a wider one gains.
extension MetricNames {
    static let kernel: [Metric<PageSubject>] = [
        .gauge(
            "connd_kernel_slow_start_after_idle",
            "1 where the kernel cuts the congestion window of a connection on which nothing was sent for a while"
                + " (net.ipv4.tcp_slow_start_after_idle)."
        ) { if let isOn = $0.page.slowStartAfterIdle { $1.value(isOn ? 1 : 0) } }
    ]

    static let slowStart: [Metric<OriginSubject>] = [
        .counter(
            "connd_slow_start_uploads_total",
            "Requests of more than 10 segments on reused connections whose congestion window was looked at: those idle for"
                + " 200 ms or more, and all with reuse_order: widest."
        ) { if $0.hasUploads { $1.value($0.statistics.slowStart.uploads) } },
        .counter(
            "connd_slow_start_collapsed_total",
            "Those of them before which the kernel had cut the window, as nothing had been sent for a while"
                + " (net.ipv4.tcp_slow_start_after_idle)."
        ) { if $0.hasUploads { $1.value($0.statistics.slowStart.collapsed) } },
        .counter("connd_slow_start_costly_total", "Those of these that took more round trips for it.") {
            if $0.hasUploads { $1.value($0.statistics.slowStart.costly) }
        },
        .counter("connd_slow_start_round_trips_lost_total", "How many more round trips they took; an estimate.") {
            if $0.hasUploads { $1.value($0.statistics.slowStart.roundTripsLost) }
        },
        .counter("connd_slow_start_lost_seconds_total", "How much longer they took for it; an estimate.") {
            $1.seconds($0.statistics.slowStart.timeLost)
        },
        .counter(
            "connd_widest_uploads_total",
            "Uploads for which reuse_order: widest chose a connection with a wider window than the one used last has."
        ) { if $0.hasWidened { $1.value($0.statistics.slowStart.widened) } },
        .counter("connd_widest_round_trips_saved_total", "The round trips that this saved; an estimate.") {
            if $0.hasWidened { $1.value($0.statistics.slowStart.roundTripsGained) }
        },
        .counter("connd_widest_saved_seconds_total", "The time that this saved; an estimate.") {
            $1.seconds($0.statistics.slowStart.timeGained)
        },
        .counter(
            "connd_first_round_trip_answers_total",
            "Answers that went on after their first round trip, by what the origin had done before on the connection: new"
                + " (nothing), busy (sent within 200 ms), idle (nothing for a second and more)."
        ) { origin, out in
            origin.statistics.slowStart.eachAnswers { kind, trips in
                if origin.writesEvery || trips.answers > 0 { out.value(trips.answers, ("origin_was", kind)) }
            }
        },
        .counter(
            "connd_first_round_trip_bytes_total",
            "What those first round trips brought: the origin's congestion window, where nothing else held it back."
        ) { origin, out in
            origin.statistics.slowStart.eachAnswers { kind, trips in
                if origin.writesEvery || trips.answers > 0 { out.value(trips.bytes, ("origin_was", kind)) }
            }
        },
    ]
}

extension SlowStartStatistics {
    /// By what the origin had done before.
    package func eachAnswers(_ body: (_ kind: String, FirstRoundTrips) -> Void) {
        body("new", answersFresh)
        body("busy", answersKept)
        body("idle", answersIdle)
    }
}

extension OriginSubject {
    fileprivate var hasUploads: Bool { writesEvery || statistics.slowStart.uploads > 0 }
    fileprivate var hasWidened: Bool { writesEvery || statistics.slowStart.widened > 0 }
}
