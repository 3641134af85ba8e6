/// Metrics of what the kernel reports about connections (TCP_INFO).
extension MetricNames {
    static let tcp: [Metric<OriginSubject>] = [
        .histogram(
            "connd_tcp_rtt_seconds",
            "Smoothed round trip of connections to the origin, as the kernel has it: at their end and at every 64th response."
        ) { $1.histogram($0.statistics.tcp.roundTripTime, in: .roundTrip, every: $0.writesEvery) },
        .histogram("connd_tcp_min_rtt_seconds", "Least round trip of connections to the origin, sampled likewise.") {
            $1.histogram($0.statistics.tcp.minRoundTripTime, in: .roundTrip, every: $0.writesEvery)
        },
        .histogram(
            "connd_tcp_congestion_window_segments", "Congestion window of connections to the origin, sampled likewise."
        ) { $1.histogram($0.statistics.tcp.congestionWindow, in: .requests, every: $0.writesEvery) },
        .histogram(
            "connd_tcp_delivery_rate_bytes",
            "Bytes a second that reached the origin, of samples in which the path and not connd set the pace."
        ) { $1.histogram($0.statistics.tcp.deliveryRate, in: .rate, every: $0.writesEvery) },
        .counter("connd_tcp_segments_sent_total", "Segments sent to the origin, counted when connections are sampled.")
        {
            if $0.hasTCP { $1.value($0.statistics.tcp.segmentsSent) }
        },
        .counter(
            "connd_tcp_segments_retransmitted_total",
            "Those of them that were sent again. The share that the path loses:"
                + " rate(connd_tcp_segments_retransmitted_total[5m]) / rate(connd_tcp_segments_sent_total[5m])."
        ) { if $0.hasTCP { $1.value($0.statistics.tcp.segmentsRetransmitted) } },
        .counter(
            "connd_delayed_ack_waits_total",
            "Exchanges that waited for about 40 or 200 ms, as for an acknowledgement that was put off: the origin between two"
                + " parts of an answer, connd behind a request written in parts; by the setting that ends such waits."
        ) {
            let delays = $0.statistics.delays
            for (pattern, side, setting) in [
                (delays.answers, "origin", "tcp_quickack=off"),
                (delays.answersWithQuickack, "origin", "tcp_quickack=on"),
                (delays.requestsWithNagle, "connd", "tcp_nodelay=off"),
                (delays.requests, "connd", "tcp_nodelay=on"),
            ] where $0.writesEvery || pattern.forty + pattern.twoHundred > 0 {
                $1.value(pattern.forty + pattern.twoHundred, ("side", side), ("setting", setting))
            }
        },
        .counter(
            "connd_tcp_busy_seconds_total",
            "Time in which connections had sent something that was not acknowledged yet."
        ) { if $0.hasTCP { $1.seconds($0.statistics.tcp.busyTime) } },
        .counter(
            "connd_tcp_receive_window_limited_seconds_total",
            "The part of it in which the origin's receive window held connd back."
        ) { if $0.hasTCP { $1.seconds($0.statistics.tcp.windowLimitedTime) } },
        .counter(
            "connd_tcp_send_buffer_limited_seconds_total",
            "The part of it in which connd's own send buffer (send_buffer) held it back."
        ) { if $0.hasTCP { $1.seconds($0.statistics.tcp.bufferLimitedTime) } },
    ]
}

extension OriginSubject {
    fileprivate var hasTCP: Bool { writesEvery || statistics.tcp.segmentsSent > 0 }
}
