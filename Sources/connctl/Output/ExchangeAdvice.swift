import AdminModels

/// Advice on what would have made an exchange faster or successful: which setting, never which value. Pure.
enum ExchangeAdvice {
    static func lines(_ report: ExchangeReport) -> [String] {
        var lines: [String] = []
        if let error = report.error, let line = forError(error, report) { lines.append(line) }
        if let longest = ExchangeText.longestPhase(report), report.totalMs > 0 {
            let share = Formatting.share(min(longest.durationMs / report.totalMs, 1))
            lines.append("\(share) of the time: \(forPhase(longest.phase, report))")
        }
        return lines
    }

    private static func forPhase(_ phase: String, _ report: ExchangeReport) -> String {
        let origin = SafeText.line(report.origin)
        switch phase {
        case "queue" where report.connection == nil && isDialFailure(report.error):
            return "it waited for a connection, which could not be opened"
        case "queue":
            return "it waited for a connection. More of them: connctl set \(origin) max_connections=N; "
                + "what holds them: connctl conns \(origin)"
        case "dns": return "the look-up of the name. Keep answers longer: connctl set \(origin) dns_min_ttl=60s"
        case "connect":
            return
                "the TCP connect: distance, or a busy origin. Keep connections ready: "
                + "connctl set \(origin) min_idle=1, or a longer idle_timeout"
        case "tls":
            return
                "the TLS handshake. Keep connections ready: connctl set \(origin) min_idle=1, or a longer idle_timeout"
        case "send": return "sending the request: a large body, or an origin that reads slowly"
        case "first_byte":
            return "the origin, before it began its answer; no setting makes it faster. headers_timeout bounds the wait"
        case "body":
            return "the body: its size, the origin's pace, or a client that reads slowly. connctl history \(origin)"
        default: return SafeText.line(phase)
        }
    }

    private static func isDialFailure(_ error: String?) -> Bool {
        switch error {
        case "tls_certificate_error", "tls_protocol_error", "connection_refused", "destination_unavailable",
            "connection_timeout", "dns_error", "dns_timeout":
            true
        default: false
        }
    }

    /// Advice for the error types of RFC 9209 that have any.
    private static func forError(_ error: String, _ report: ExchangeReport) -> String? {
        let origin = SafeText.line(report.origin)
        switch error {
        case "connection_limit_reached" where report.errorDetail?.contains("local ports") ?? false:
            return "Local ports are short, and more connections would not help: connctl ports"
        case "connection_limit_reached":
            return
                "The queue was full or the wait too long: connctl set \(origin) max_connections=N, max_queue=N "
                + "or queue_timeout=T"
        case "connection_timeout": return "The connect took longer than connect_timeout: connctl show \(origin)"
        case "connection_read_timeout", "http_response_timeout":
            return
                "The origin was silent for longer than headers_timeout or body_idle_timeout: "
                + "connctl show \(origin) -o wide"
        case "tls_certificate_error":
            return "The certificate is not accepted. If a private CA has issued it: "
                + "connctl set \(origin) tls_ca_file=FILE; if it has another name: tls_server_name=NAME"
        case "tls_protocol_error": return "The TLS handshake failed. How often, and why: connctl show \(origin)"
        case "connection_refused": return "Nothing listens there: is the origin running, is the port right?"
        case "connection_terminated":
            return "The origin closed the connection under the request. Where connections were idle before: "
                + "connctl set \(origin) idle_timeout=T, shorter than the origin's own"
        case "dns_error", "dns_timeout":
            return "The name could not be looked up. Which DNS servers connd asks, and what is wrong: connctl dns"
        case "http_request_denied", "destination_ip_prohibited":
            return "proxy.allow, proxy.deny or proxy.connect_ports of the config forbid it: connctl config"
        default: return nil
        }
    }
}
