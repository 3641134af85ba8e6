import Testing

/// Files that are refused, with all that is said about them (the file is called `f`).
struct RefusedFile: Sendable, CustomTestStringConvertible {
    let yaml: String
    let problems: [String]

    init(_ yaml: String, _ problems: String...) {
        self.yaml = yaml
        self.problems = problems
    }

    var testDescription: String { yaml }
}

extension RefusedFile {
    static let settings: [RefusedFile] = [
        .init(
            "settings:\n  max_conections: 3\n",
            "f:2:3: unknown key `max_conections` in settings; did you mean `max_connections`?"),
        .init(
            "settings: { max_connections: 0 }",
            "f:1:30: `max_connections` must be 1 to 10000, not 0"),
        .init(
            "settings: { max_connections: 10001 }",
            "f:1:30: `max_connections` must be 1 to 10000, not 10001"),
        .init(
            "settings: { max_connections: many }",
            "f:1:30: `max_connections` must be 1 to 10000, not `many`"),
        .init(
            "settings: { max_connections: -1 }",
            "f:1:30: `max_connections` must be 1 to 10000, not `-1`"),
        .init(
            "settings: { max_connections: 1e3 }",
            "f:1:30: `max_connections` must be 1 to 10000, not `1e3`"),
        .init(
            "settings: { max_connections: 032 }",
            "f:1:30: `max_connections` must be 1 to 10000, not `032`"),
        .init(
            "settings: { max_connections: [3] }",
            "f:1:30: `max_connections` must be 1 to 10000, not a list"),
        .init(
            "settings: { max_connections: {a: 3} }",
            "f:1:30: `max_connections` must be 1 to 10000, not a mapping"),
        .init(
            "settings:\n  max_connections:\n  max_queue: ~\n",
            "f:2:3: `max_connections` must be 1 to 10000, not empty",
            "f:3:3: `max_queue` must be 0 to 100000, not `~`"),
        .init(
            "settings: { max_idle: none }",
            "f:1:23: `max_idle` must be auto, or 0 to 10000, not `none`"),
        .init(
            "settings: { lifetime_jitter: 60% }",
            "f:1:30: `lifetime_jitter` must be 0% to 50%, not `60%`"),
        .init(
            "settings: { idle_timeout: 4 }",
            "f:1:27: `idle_timeout` must be auto, or a duration (such as 250ms, 4s, 15m) from 100ms to 1h, not 4"),
        .init(
            "settings: { idle_timeout: 2h }",
            "f:1:27: `idle_timeout` must be auto, or a duration (such as 250ms, 4s, 15m) from 100ms to 1h, not `2h`"),
        .init(
            "settings: { connect_timeout: 0 }",
            "f:1:30: `connect_timeout` must be a duration (such as 250ms, 4s, 15m) from 10ms to 5m, not 0"),
        .init(
            "settings: { headers_timeout: 1ms }",
            "f:1:30: `headers_timeout` must be a duration (such as 250ms, 4s, 15m) from 10ms to 1h, or 0 (none), "
                + "not `1ms`"),
        .init(
            "settings: { tcp_nodelay: maybe }",
            "f:1:26: `tcp_nodelay` must be on or off, not `maybe`"),
        .init(
            "settings: { reuse_order: random }",
            "f:1:26: `reuse_order` must be lifo, fifo or widest, not `random`"),
        .init(
            "settings: { pipelining: on }",
            "f:1:25: `pipelining` must be off or idempotent, not `on`"),
        .init(
            "settings: { tcp_keepalive: 60s/10s }",
            "f:1:28: `tcp_keepalive` must be off, or idle/interval/count such as 60s/10s/6 (1s to 32767s, 1s to "
                + "32767s, 1 to 127), not `60s/10s`"),
        .init(
            "settings: { tcp_keepalive: 60ms/10s/6 }",
            "f:1:28: `tcp_keepalive` must be off, or idle/interval/count such as 60s/10s/6 (1s to 32767s, 1s to "
                + "32767s, 1 to 127), not `60ms/10s/6`"),
        .init(
            "settings: { replay_buffer: 64KB }",
            "f:1:28: `replay_buffer` must be a size (bytes, or such as 64KiB, 1MiB) from 0 (no replay) to 1MiB, "
                + "not `64KB`"),
        .init(
            "settings: { source_address: [10.0.0.1, 10.0.0.256] }",
            "f:1:29: `source_address` must be kernel, or one or several local addresses such as 10.0.0.5, not "
                + "`[10.0.0.1, 10.0.0.256]`"),
        .init(
            "settings: { congestion_control: 'not a name' }",
            "f:1:33: `congestion_control` must be kernel, or a name such as cubic (a letter, then up to 14 "
                + "letters, digits, `_`, `-`), not `not a name`"),
        .init(
            "settings: { tls_verify: off }",
            "f:1:25: `tls_verify` must be full or none, not `off`: write `none`"),
        .init(
            "settings: { tls_pin: ['sha256//AAAA', sha1//AAAA] }",
            "f:1:22: `tls_pin` must be none, or up to 16 of `sha256//` and the base64 of a public key's SHA-256, "
                + "separated by `;`, not `[sha256//AAAA, sha1//AAAA]`"),
        .init(
            "settings: { intercept_except: [java] }",
            "f:1:31: `intercept_except` must be none, or up to 64 of addresses (10.0.0.5, 10.1.0.0/16), `program:` and "
                + "the file name of an executable, `user:` and a name or number, not `[java]`"),
        .init(
            "settings: { min_idle: 40 }",
            "f:1:13: `min_idle` (40) must not be more than `max_connections` (32)"),
        .init(
            "settings: { tls_client_key: /k }\nhosts: { a: { tls_client_cert: /c }, b: { tls_client_key: none } }",
            "f:1:13: `tls_client_key` (/k) needs `tls_client_cert` too, which is not set"),
        .init(
            "hosts: { a: { tls_client_cert: /c, tls_client_key: none } }",
            "f:1:15: `tls_client_cert` (/c) needs `tls_client_key` too, which is not set"),
        .init(
            "dns: { servers: [ns.example] }",
            "f:1:18: `dns.servers` must be an address of a DNS server, such as 192.0.2.53 or 192.0.2.53:5353, not "
                + "`ns.example`"),
        .init(
            "settings: { max_requests_per_connection: 9999999999 }",
            "f:1:42: `max_requests_per_connection` must be 0 (no limit) to 1000000000, not 9999999999"),
        .init(
            "settings: [max_connections]",
            "f:1:11: settings must be a mapping of keys to values, not a list"),
        .init(
            "settings: { frobnicate: 1 }",
            "f:1:13: unknown key `frobnicate` in settings; `connd --print-config` shows all that there are"),
    ]

    static let hosts: [RefusedFile] = [
        .init(
            "hosts:\n  'a.*.b': { max_connections: 3 }\n",
            "f:2:3: host pattern must be *, *.example.com, example.com or an address, each with :port or not, or "
                + "an origin such as http://example.com:8080, not `a.*.b`"),
        .init(
            "hosts:\n  a.example: { max_conections: 3 }\n",
            "f:2:16: unknown key `max_conections` in hosts `a.example`; did you mean `max_connections`?"),
        .init(
            "hosts:\n  a.example: { max_connections: 3 }\n  A.example.: { max_queue: 3 }\n",
            "f:3:3: host pattern `A.example.` is the same as that of line 2"),
        .init(
            "hosts:\n  a.example: { max_connections: 3 }\nsettings: { min_idle: 4 }\n",
            "f:2:16: `min_idle` (4) must not be more than `max_connections` (3)"),
        .init(
            "hosts: [a.example]",
            "f:1:8: hosts must be a mapping of keys to values, not a list"),
        .init(
            "hosts:\n  a.example: 8\n",
            "f:2:14: hosts `a.example` must be a mapping of keys to values, not 8"),
    ]

    static let proxy: [RefusedFile] = [
        .init(
            "proxy: { listen: 127.0.0.1:3128 }",
            "f:1:18: `proxy.listen` must be a list such as [\"127.0.0.1:3128\"], not `127.0.0.1:3128`"),
        .init(
            "proxy: { listen: [localhost:3128] }",
            "f:1:19: `proxy.listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an "
                + "absolute path, not `localhost:3128`"),
        .init(
            "proxy: { listen: ['::1:3128'] }",
            "f:1:19: `proxy.listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an "
                + "absolute path, not `::1:3128`"),
        .init(
            "proxy: { listen: ['unix:run/x.sock'] }",
            "f:1:19: `proxy.listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an "
                + "absolute path, not `unix:run/x.sock`"),
        .init(
            "proxy: { listen: [] }",
            "f:1:18: `proxy.listen` must be a list such as [\"127.0.0.1:3128\"], not empty"),
        .init(
            "proxy: { listen: ['0.0.0.0:3128'] }",
            "f:1:19: `proxy.listen`: 0.0.0.0:3128 is beyond loopback: the config file must say in "
                + "`proxy.allow_from` who may connect"),
        .init(
            "proxy: { listen: ['127.0.0.1:3128', '127.0.0.1:3128'] }",
            "f:1:37: `proxy.listen`: 127.0.0.1:3128 is given twice"),
        .init(
            "proxy: { listen: ['127.0.0.1:3129'] }\nadmin: { listen: ['127.0.0.1:3129'] }",
            "f:2:19: `admin.listen`: 127.0.0.1:3129 is given twice"),
        .init(
            "proxy: { allow_from: ['::/0'], listen: ['127.0.0.1:1', '0.0.0.0:1', '[::]:1', '[::1]:1'] }",
            "f:1:56: `proxy.listen`: 0.0.0.0:1 collides with 127.0.0.1:1",
            "f:1:79: `proxy.listen`: [::1]:1 collides with [::]:1"),
        .init(
            "proxy: { listen: ['unix:/s'] }\nadmin: { listen: ['unix:/s'] }",
            "f:2:19: `admin.listen`: unix:/s is given twice"),
        .init(
            "proxy: { allow_from: ['10.0.0.1/8'] }",
            "f:1:23: `proxy.allow_from` must be 10.0.0.0/8 or one address, not `10.0.0.1/8`"),
        .init(
            "proxy: { allow_from: ['10.0.0.0/33'] }",
            "f:1:23: `proxy.allow_from` must be an address with a prefix of 0 to 32 (IPv4) or 0 to 128 (IPv6), "
                + "not `10.0.0.0/33`"),
        .init(
            "proxy: { allow_from: [example.com] }",
            "f:1:23: `proxy.allow_from` must be a range of addresses such as 10.0.0.0/8 or fd00::/8, not "
                + "`example.com`"),
        .init(
            "proxy: { allow_from: [] }",
            "f:1:22: `proxy.allow_from` must be a list such as [\"127.0.0.0/8\"], not empty"),
        .init(
            "proxy: { connect_ports: all }",
            "f:1:25: `proxy.connect_ports` must be any, or a list such as [443, 8443], not `all`"),
        .init(
            "proxy: { connect_ports: [443, 0] }",
            "f:1:31: `proxy.connect_ports` must be a port from 1 to 65535, not 0"),
        .init(
            "proxy: { deny: ['http://*.example.com'] }",
            "f:1:17: `proxy.deny` must be a host pattern (*, *.example.com, example.com or an address, each with "
                + ":port or not, or an origin such as http://example.com:8080) or a range of addresses such as "
                + "10.0.0.0/8, not `http://*.example.com`"),
        .init(
            "proxy: { deny: [10.0.0.256] }",
            "f:1:17: `proxy.deny` must be a host pattern (*, *.example.com, example.com or an address, each with "
                + ":port or not, or an origin such as http://example.com:8080) or a range of addresses such as "
                + "10.0.0.0/8, an IPv4 address as four decimal numbers, not `10.0.0.256`"),
        .init(
            "proxy: { threads: 4 }",
            "f:1:19: `proxy.threads` must be 1 (this version runs one data loop), not 4"),
        .init(
            "proxy: { threads: 0 }",
            "f:1:19: `proxy.threads` must be 1 (this version runs one data loop), not 0"),
        .init(
            "proxy: { max_buffer: 1 }",
            "f:1:22: `proxy.max_buffer` must be a size (bytes, or such as 64KiB, 1MiB) from 4KiB to 64MiB, not 1"),
        .init(
            "proxy: { max_connections: 3 }",
            "f:1:10: unknown key `max_connections` in proxy; it belongs in settings or hosts"),
        .init(
            "proxy: { shutdown_grace: soon }",
            "f:1:26: `proxy.shutdown_grace` must be a duration (such as 250ms, 4s, 15m) from 0 to 1h, not `soon`"),
        .init(
            "proxy: { database: /x }",
            "f:1:10: unknown key `database` in proxy; it belongs at the top"),
        .init(
            "proxy: 3",
            "f:1:8: proxy must be a mapping of keys to values, not 3"),
    ]

    static let other: [RefusedFile] = [
        .init(
            "proxi: {}",
            "f:1:1: unknown key `proxi`; did you mean `proxy`?"),
        .init(
            "admin: { token_file: relative }",
            "f:1:22: `admin.token_file` must be auto, or an absolute path, not `relative`"),
        .init(
            "admin: { allow_hosts: ['*.example.com', 'a:80', 'http://a', ok, '*'], socket_mode: 0440 }",
            "f:1:24: `admin.allow_hosts` must be a host name or an address, without a port, not `*.example.com`",
            "f:1:41: `admin.allow_hosts` must be a host name or an address, without a port, not `a:80`",
            "f:1:49: `admin.allow_hosts` must be a host name or an address, without a port, not `http://a`",
            "f:1:65: `admin.allow_hosts` must be a host name or an address, without a port, not `*`",
            "f:1:84: `admin.socket_mode` must be an octal mode from 0600 to 0777, such as 0660, not `0440`"),
        .init(
            "metrics: { max_origins: 0, slow: 1s }\nexchanges: { slow: 2h }",
            "f:1:25: `metrics.max_origins` must be 1 to 10000, not 0",
            "f:1:28: unknown key `slow` in metrics; it belongs in exchanges",
            "f:2:20: `exchanges.slow` must be a duration (such as 250ms, 4s, 15m) from 1ms to 1h, or 0 (only failed "
                + "ones), not `2h`"),
        .init(
            "database: [x]",
            "f:1:11: `database` must be auto, \":memory:\", or an absolute path, not a list"),
        .init(
            "database:",
            "f:1:1: `database` must be auto, \":memory:\", or an absolute path, not empty"),
        .init(
            "log: { level: loud, format: xml, colour: yes }",
            "f:1:15: `log.level` must be trace, debug, info, notice, warning, error or critical, not `loud`",
            "f:1:29: `log.format` must be auto, text, json or journald, not `xml`",
            "f:1:34: unknown key `colour` in log; allowed: level, format"),
        .init(
            "access_log: { path: access.log, format: clf }",
            "f:1:21: `access_log.path` must be none, stdout, journald, or an absolute path, not `access.log`",
            "f:1:41: `access_log.format` must be json or text, not `clf`"),
        .init(
            "log: { levle: info }",
            "f:1:8: unknown key `levle` in log; did you mean `level`?"),
        .init(
            "- a\n- b\n",
            "f:1:1: a config file must be a mapping of proxy, gateways, dns, admin, database, metrics, exchanges, warm_start, "
                + "log, access_log, settings, hosts, not a list"),
        .init(
            "just text",
            "f:1:1: a config file must be a mapping of proxy, gateways, dns, admin, database, metrics, exchanges, warm_start, "
                + "log, access_log, settings, hosts, not `just text`"),
        .init(
            "log: { level: \"\\x1b[31m\" }",
            "f:1:15: `log.level` must be trace, debug, info, notice, warning, error or critical, not `?[31m`"),
    ]

    static let yaml: [RefusedFile] = [
        .init(
            "proxy:\n  threads: 1\n  threads: 1\n",
            "f:2:3: `threads` is given twice in one mapping, first here"),
        .init(
            "proxy: &a { threads: 1 }\nadmin: *a\n",
            "f:1:8: anchors and aliases (`&` and `*`) are not taken; write the values out"),
        .init(
            "settings: { <<: {max_queue: 3} }",
            "f:1:13: merge keys (`<<`) are not taken; write the values out"),
        .init(
            "settings: { max_queue: !!int 3 }",
            "f:1:24: tags (`!`) are not taken; write the value alone"),
        .init(
            "settings: { [a]: 3 }",
            "f:1:13: a key must be a word, not a list"),
        .init(
            "proxy:\n\tthreads: 1\n",
            "f:2:1: not valid YAML: while scanning for the next token (line 2): found character that cannot start "
                + "any token"),
        .init(
            "proxy: [1\nadmin: 2\n",
            "f:2:6: not valid YAML: while parsing a flow sequence (line 1): did not find expected ',' or ']'"),
        .init(
            "proxy: { threads: 1\n",
            "f:2:1: not valid YAML: while parsing a flow mapping (line 1): did not find expected ',' or '}'"),
        .init(
            "proxy: *nowhere",
            "f:1:8: not valid YAML: found undefined alias"),
        .init(
            "a: b: c",
            "f:1:5: not valid YAML: mapping values are not allowed in this context"),
        .init(
            "---\nlog: {}\n---\nlog: {}\n",
            "f:3:1: not valid YAML: expected a single document in the stream (line 1): but found another document"),
        .init(
            "log: { level: \"in\u{01}fo\" }",
            "f:1:18: not valid YAML: control characters are not allowed"),
        .init(
            "# é\r\nlog:\r\n  level: \"ü\u{01}\"\r\n",
            "f:3:12: not valid YAML: control characters are not allowed"),
    ]
}
