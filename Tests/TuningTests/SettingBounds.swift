import Testing
import Tuning

/// A setting as it must be: its default, texts that are taken, texts that are refused.
struct SettingBounds: Sendable, CustomTestStringConvertible {
    let name: String
    let standard: String
    let taken: [String]
    let refused: [String]

    init(_ name: String, _ standard: String, _ taken: [String], _ refused: [String]) {
        self.name = name
        self.standard = standard
        self.taken = taken
        self.refused = refused
    }

    var testDescription: String { name }
}

extension SettingBounds {
    static let all: [SettingBounds] = [
        .init("max_connections", "32", ["1", "10000"], ["0", "10001", "1.5", "auto", "32 "]),
        .init("max_idle", "auto", ["0", "10000", "auto"], ["10001", "off"]),
        .init("min_idle", "0", ["0", "1000"], ["1001", "auto"]),
        .init("max_requests_per_connection", "1000", ["0", "1", "1000000000"], ["1000000001", "none"]),
        .init("max_lifetime", "15m", ["1s", "24h"], ["999ms", "86401s", "0", "15"]),
        .init("lifetime_jitter", "10%", ["0", "0%", "50%", "50"], ["51%", "%", "10%%", "1.5%"]),
        .init("idle_timeout", "auto", ["100ms", "1h", "auto"], ["99ms", "3601s", "0", "off"]),
        .init("keep_alive_margin", "1s", ["0", "30s"], ["31s", "auto"]),
        .init("idle_exploration", "on", ["on", "off"], ["2"]),
        .init("reuse_order", "lifo", ["lifo", "fifo", "widest"], ["LIFO", "random"]),
        .init("pipelining", "off", ["off", "idempotent"], ["on", "false"]),
        .init("pipeline_depth", "4", ["2", "32"], ["1", "33", "0"]),
        .init("max_queue", "256", ["0", "100000"], ["100001"]),
        .init("queue_timeout", "5s", ["0", "5m"], ["301s"]),
        .init("connect_timeout", "5s", ["10ms", "5m"], ["9ms", "301s", "0"]),
        .init("tls_timeout", "5s", ["10ms", "5m"], ["9ms", "301s", "0"]),
        .init("headers_timeout", "1m", ["10ms", "1h", "0"], ["9ms", "3601s", "none"]),
        .init("body_idle_timeout", "1m", ["10ms", "1h", "0"], ["9ms", "3601s"]),
        .init("expect_continue_timeout", "1s", ["0", "10ms", "1m"], ["9ms", "61s"]),
        .init("close_linger", "2s", ["0", "10ms", "30s"], ["9ms", "31s"]),
        .init("tunnel_idle_timeout", "10m", ["0", "1s", "24h"], ["999ms", "86401s"]),
        .init("max_tunnels", "256", ["0", "100000"], ["100001"]),
        .init("max_retries", "1", ["0", "5"], ["6"]),
        .init("replay_buffer", "64KiB", ["0", "65536", "1MiB"], ["1048577", "2MiB", "64KB"]),
        .init("tcp_nodelay", "on", ["on", "off", "true", "false", "yes", "no"], ["1", "On", "y"]),
        .init("tcp_quickack", "off", ["on", "off"], ["0"]),
        .init(
            "tcp_keepalive", "off", ["off", "60s/10s/6", "1m/1s/1", "32767s/32767s/127"],
            [
                "on", "60s/10s", "60s/10s/6/1", "0s/10s/6", "60s/10s/0", "60s/10s/128", "32768s/10s/6", "1500ms/10s/6",
                "60/10/6",
            ]),
        .init("tcp_user_timeout", "0", ["0", "1ms", "10m"], ["601s", "999us"]),
        .init("tcp_idle_probe", "10s", ["0", "10ms", "10m"], ["601s", "9ms"]),
        .init("tcp_fast_open", "off", ["on", "off"], ["2"]),
        .init("congestion_control", "kernel", ["kernel", "bbr", "a2-b_C"], ["0123456789abcdef", "b/r", "b.r"]),
        .init("send_buffer", "0", ["0", "1", "64KiB", "1GiB"], ["2GiB", "kernel"]),
        .init("receive_buffer", "0", ["0", "1", "64KiB", "1GiB"], ["2GiB"]),
        .init(
            "source_address", "kernel", ["kernel", "10.0.0.1", "::1"], ["any", "10.0.0.1/32", "[::1]", "0.0.0.0"]),
        .init("ip_family", "any", ["any", "ipv4", "ipv6"], ["4", "IPv4"]),
        .init("address_order", "spread", ["spread", "resolver"], ["rotate", "off"]),
        .init("happy_eyeballs_delay", "250ms", ["10ms", "2s"], ["9ms", "2001ms", "0"]),
        .init("resolver", "auto", ["auto", "dns", "system"], ["off", "files"]),
        .init("dns_min_ttl", "5s", ["0", "1h"], ["3601s"]),
        .init("dns_max_ttl", "5m", ["1s", "24h"], ["0", "86401s"]),
        .init("dns_serve_stale", "30s", ["0", "24h"], ["86401s"]),
        .init("tls", "as_scheme", ["as_scheme", "originate"], ["on"]),
        .init("tls_verify", "full", ["full", "none"], ["on", "off", "NONE"]),
        .init("tls_ca_file", "system", ["system", "/etc/ca.pem"], ["ca.pem", "none"]),
        .init("tls_client_cert", "none", ["none", "/c"], ["c", "system"]),
        .init("tls_client_key", "none", ["none", "/k"], ["k"]),
        .init(
            "tls_server_name", "host", ["host", "api.example.com", "A.b_c", "10.0.0.1", "[::1]", "-1"],
            ["a:443", "a/b", "*.a", "a..b", "::1", "127.1", "ä.example", "a%41"]),
        .init("tls_min_version", "1.2", ["1.2", "1.3"], ["1.1", "1", "TLSv1.2", "tls1.3"]),
        .init(
            "tls_pin", "none", ["none", pin("A"), pin("A") + ";" + pin("Q")],
            [
                "off", ";", pin("A") + ";", pin("A") + "; " + pin("Q"), pin("A") + "," + pin("Q"), pin("A") + ";none",
                "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256//AAAA", "sha256//", "/key.pem",
                pin("A").replacing("sha256//", with: "sha256/"), pin("A").replacing("=", with: ""), pin("A") + "=",
            ]),
        .init("intercept", "off", ["on", "off"], ["1"]),
        .init(
            "intercept_except", "none",
            ["none", "10.1.0.0/16", "10.0.0.5,::1", "program:java", "user:build", "user:1000,program:a b.c,fd00::/8"],
            [
                "off", "java", "program:", "program:/usr/bin/java", "program: a", "user:", "user:-1", "user:a:b",
                "user:4294967295", "10.1.0.0/33", "10.1.2.3/16", "10.0.0.5,none", "10.0.0.5,", "10.0.0.5,10.0.0.5/32",
                "PROGRAM:a",
            ]),
        .init("advice", "show", ["off", "show", "auto"], ["on", "AUTO"]),
    ]

    private static func pin(_ digit: String) -> String { "sha256//" + String(repeating: digit, count: 42) + "A=" }
}

extension Setting {
    /// Its name in `EffectiveSettings`.
    var effectiveLabel: String { self == .tlsPin ? "tlsPins" : "\(self)" }
}
