import AdminModels

/// One of each report, as full as it can be.
enum Samples {
    private static func made<Report>(_ report: Report, _ fill: (inout Report) -> Void) -> Report {
        var report = report
        fill(&report)
        return report
    }

    static let time = "2025-01-31T12:00:00Z"

    static let status = made(StatusReport()) {
        $0.state = "running"
        $0.run = 7
        $0.previousEnd = "out_of_memory"
        $0.startedAt = time
        $0.listeners = ["127.0.0.1:3128"]
        $0.gateways = [gateway]
        $0.ca.state = "ready"
        $0.ca.expires = time
        $0.ca.expiresMs = 1
        $0.connectPorts = [443, 8443]
        $0.acceptPaused = "full"
        $0.totals.reuseRatio = 0.5
        $0.store.fault = "full"
        $0.store.message = "no space left"
        $0.store.since = time
        $0.store.sinceMs = 1
        $0.store.lastWrite = time
        $0.store.lastWriteMs = 1
        $0.unverified = [
            made(UnverifiedReport()) {
                $0.source = "trial"
                $0.actor = "uid:0"
                $0.reason = "a test"
                $0.time = time
                $0.timeMs = 1
                $0.expires = time
                $0.expiresMs = 2
            }
        ]
        $0.configFile = "/etc/connd/connd.yaml"
        $0.configError = "line 3"
    }
    static let authorities = made(AuthoritiesReport()) {
        $0.state = "ready"
        $0.problem = "a fault"
        $0.path = "/var/lib/connd/ca"
        $0.switchAt = time
        $0.switchAtMs = 1
        $0.authorities = [
            made(AuthorityReport()) {
                $0.serial = "0a1b2c3d"
                $0.role = "current"
                $0.domains = ["example.com"]
                $0.created = time
                $0.rootExpires = time
                $0.intermediateExpires = time
                $0.intermediateExpiresMs = 1
            }
        ]
    }
    static let version = made(VersionReport()) { $0.version = "1.2.3" }
    static let origin = made(OriginSummary()) {
        $0.origin = "http://example.com"
        $0.reuseRatio = 0.25
        $0.firstByteP50Ms = 1.5
        $0.reached = "spliced"
        $0.splicedBecause = "not_tls"
        $0.lastUsed = time
        $0.lastUsedMs = 1
    }
    static let detail = made(OriginDetail()) {
        $0.summary = origin
        $0.lifetime = LifetimeReport()
        $0.settings = [setting]
        $0.figures.requests = ["safe": ["2xx": 3, "proxy_error": 1]]
        $0.figures.closed = ["idle_timeout": 1, "camelCase_is_kept": 2]
    }
    static let setting = made(ResolvedSettingReport()) {
        $0.name = "idle_timeout"
        $0.value = "30s"
        $0.valueMs = 30_000
        $0.source = "override"
        $0.actor = "uid:0"
        $0.time = time
        $0.timeMs = 1
    }
    static let definitions = [
        made(SettingDefinitionReport()) {
            $0.name = "max_connections"
            $0.standard = "32"
            $0.allowed = "a whole number from 1 to 10000"
            $0.kind = "count"
            $0.effect = "at once"
            $0.help = "connections at most"
        },
        made(SettingDefinitionReport()) {
            $0.name = "reuse_order"
            $0.standard = "lifo"
            $0.allowed = "lifo, fifo or widest"
            $0.kind = "choice"
            $0.choices = ["lifo", "fifo", "widest"]
            $0.effect = "at once"
            $0.help = "which idle connection is used next"
        },
        made(SettingDefinitionReport()) {
            $0.name = "source_address"
            $0.standard = "kernel"
            $0.allowed = "local addresses"
            $0.kind = "addresses"
            $0.effect = "new connections"
            $0.help = "local addresses to connect from"
        },
    ]
    static let dns = made(DNSReport()) {
        $0.servers = ["192.0.2.53"]
        $0.uses = ["fresh": 2]
        $0.failingAddresses = [made(FailingAddressReport()) { $0.address = "192.0.2.1:80" }]
    }
    static let name = made(NameReport()) {
        $0.name = "api.example.com"
        $0.resolver = "auto"
        $0.state = "fresh"
        $0.source = "dns"
        $0.addresses = [made(NameAddressReport()) { $0.address = "192.0.2.1" }]
    }
    static let originTLS = made(OriginTLSReport()) {
        $0.origin = "https://example.com"
        $0.intercept = true
        $0.clients.full = 3
        $0.clients.spliced = ["no_http1": 2]
        $0.upstream.certificateExpires = time
        $0.upstream.certificateExpiresMs = 1
    }
    static let whatIf = made(WhatIfReport()) {
        $0.origin = "http://example.com"
        $0.asked.reuseRatio = 0.98
        $0.asked.wait = "12ms"
        $0.check.dials = 88
        $0.notes = ["min_idle is 1"]
    }
    static let doctor = made(DoctorReport()) {
        $0.origin = "http://example.com"
        $0.path = "/"
        $0.state = "running"
        $0.findings = [made(FindingReport()) { ($0.name, $0.verdict, $0.valueMs) = ("idle_limit", "closes", 5004) }]
        $0.remarks = [made(RemarkReport()) { ($0.finding, $0.kind, $0.text) = ("idle_limit", "agrees", "as learned") }]
    }

    static let advice = made(AdviceReport()) {
        $0.id = "max_requests_low@http://example.com"
        $0.origin = "http://example.com"
        $0.rule = "max_requests_low"
        $0.state = "waiting"
        $0.setting = "max_requests_per_connection"
        $0.value = "1000"
        $0.evidence = [
            made(EvidenceReport()) {
                $0.label = "requests on new connections"
                $0.value = 0.5
                $0.unit = "share"
                $0.text = "50 %"
            }
        ]
        $0.prediction.figure = "new_connections"
        $0.prediction.unit = "share"
        $0.confidence = "high"
        $0.safe = true
        $0.given = time
        $0.givenMs = 1
    }
    static let ports = made(PortsReport()) {
        $0.time = time
        $0.timeWaitReuse = "on_loopback"
        $0.paths = [
            made(PortPathReport()) {
                $0.source = "10.0.0.5"
                $0.destination = "192.0.2.7:443"
                $0.origins = ["https://example.com"]
                $0.exhaustion = "3m"
                $0.exhaustionMs = 180_000
                $0.state = "running_out"
            }
        ]
    }
    static let programs = made(ProgramsReport()) {
        $0.time = time
        $0.attribution.found = 7
        $0.programs = [
            made(ProgramReport()) {
                $0.program = "curl"
                $0.kind = "executable"
                $0.uid = 1000
                $0.user = "build"
                $0.pid = 4711
                $0.executable = "curl"
                $0.unit = "session-3.scope"
                $0.origins = [
                    made(ProgramOriginReport()) {
                        $0.origin = "https://example.com"
                        $0.connectionsPerMinute = 400
                    }
                ]
            }
        ]
    }
    static let refusal = made(ClientRefusalReport()) {
        $0.host = "api.example.com"
        $0.program = "java"
        $0.user = 1000
        $0.userName = "build"
        $0.address = "10.0.0.5"
        $0.hello = "00c0ffee"
        $0.manner = "unknown_ca"
        $0.count = 2
        $0.first = time
        $0.last = time
        $0.splicedUntil = time
        $0.splicedUntilMs = 2
    }
    static let gateway = made(GatewayReport()) {
        $0.name = "stripe"
        $0.origin = "https://api.stripe.com"
        $0.listen = ["127.0.0.1:9101", "unix:/run/g.sock"]
        $0.listening = ["127.0.0.1:9101"]
        $0.unopened = [made(UnopenedListenerReport()) { $0.address = "unix:/run/g.sock" }]
        $0.cookieSecure = "keep"
        $0.socketMode = "0660"
        $0.source = "override"
        $0.place = "/etc/connd/connd.yaml:12"
        $0.actor = "uid:0"
        $0.reason = "why"
        $0.time = time
        $0.timeMs = 1
        $0.requests = 3
    }
    static let difference = made(DifferenceReport()) {
        $0.source = "override"
        $0.inheritedSource = "file"
        $0.baseSource = "default"
    }
    static let connection = made(ConnectionReport()) {
        $0.number = 7
        $0.origin = "http://example.com"
        $0.state = "closed"
        $0.cause = "demand"
        $0.reason = "idle_timeout"
        $0.closedBy = "connd"
        $0.tls = made(TLSReport()) { $0.version = "1.3" }
        $0.tcp = TCPReport()
        $0.attempts = [made(DialAttemptReport()) { $0.outcome = "connected" }]
    }
    static let history = made(HistoryReport()) {
        $0.points = [made(HistoryPoint()) { $0.reuseRatio = 1 }]
    }
    static let exchange = made(ExchangeReport()) {
        $0.id = 9
        $0.outcome = "slow"
        $0.leaseCause = "idle"
        $0.race = made(LostRaceReport()) { $0.sign = "fin" }
        $0.waterfall = [made(PhaseReport()) { $0.phase = "queue" }]
    }
    static let audit = made(AuditReport()) {
        $0.id = 3
        $0.actor = "token"
        $0.action = "set"
    }
    static let event = made(EventReport()) {
        $0.id = 5
        $0.type = "setting"
        $0.message = "two\nlines"
    }
    static let document = made(SettingsDocument()) {
        $0.exported = time
        $0.overrides = [
            made(DocumentedSetting()) {
                $0.setting = "max_connections"; $0.value = "2"
            }
        ]
        $0.gateways = [
            made(DocumentedGateway()) {
                $0.name = "stripe"; $0.origin = "https://api.stripe.com"; $0.listen = ["127.0.0.1:9101"]
            }
        ]
    }
    static let change = made(ChangeReport()) {
        $0.setting = "max_connections"
        $0.hiddenBy = "trial"
    }
    static let config = made(ConfigReport()) { $0.yaml = "proxy:\n  threads: 1\n" }
}
