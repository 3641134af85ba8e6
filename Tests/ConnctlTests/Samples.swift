import AdminModels

/// What a daemon with two origins would say.
enum Samples {
    static func summary(_ name: String, requests: Int = 1200, waiting: Int = 0) -> OriginSummary {
        var summary = OriginSummary()
        summary.origin = name
        summary.connections.idle = 3
        summary.connections.leased = 1
        summary.connections.waiting = waiting
        summary.maxConnections = 32
        summary.requests = requests
        summary.reuseRatio = 0.982
        summary.firstByteP50Ms = 0.42
        summary.firstByteP99Ms = 12.5
        summary.bytesSent = 2048
        summary.bytesReceived = 3_500_000
        summary.lastUsedMs = World.now - 5000
        return summary
    }

    static var definitions: [SettingDefinitionReport] {
        [
            definition("max_connections", "count", "32", "1 to 10000", "at once"),
            definition("idle_timeout", "duration", "auto", "auto, or a duration", "at once"),
            definition("max_lifetime", "duration", "15m", "a duration", "new connections"),
            definition("tcp_nodelay", "flag", "on", "on or off", "new connections"),
            definition("pipelining", "choice", "off", "off or idempotent", "new leases", ["off", "idempotent"]),
        ]
    }

    private static func definition(
        _ name: String, _ kind: String, _ standard: String, _ allowed: String, _ effect: String,
        _ choices: [String]? = nil
    ) -> SettingDefinitionReport {
        var report = SettingDefinitionReport()
        report.name = name
        report.kind = kind
        report.standard = standard
        report.allowed = allowed
        report.effect = effect
        report.choices = choices
        report.help = "what \(name) is for"
        return report
    }

    static func setting(
        _ name: String, _ value: String, _ source: String, base: String? = nil, expires: Int64? = nil
    ) -> ResolvedSettingReport {
        var report = ResolvedSettingReport()
        report.name = name
        report.value = value
        report.source = source
        report.base = base
        report.expiresMs = expires
        return report
    }

    static func settings(_ pattern: String, _ settings: [ResolvedSettingReport]) -> SettingsReport {
        var report = SettingsReport()
        report.pattern = pattern
        report.settings = settings
        return report
    }

    static func phase(_ name: String, _ start: Double, _ duration: Double) -> PhaseReport {
        var phase = PhaseReport()
        phase.phase = name
        phase.startMs = start
        phase.durationMs = duration
        phase.duration = "\(duration)ms"
        return phase
    }

    static var exchange: ExchangeReport {
        var report = ExchangeReport()
        report.id = 4711
        report.origin = "http://example.com"
        report.target = "/slow?x=1"
        report.method = "GET"
        report.started = "2027-01-15T08:00:00.000Z"
        report.startedMs = World.now - 3000
        report.outcome = "slow"
        report.status = 200
        report.connection = 17
        report.leaseCause = "dialled"
        report.explanation = "None was idle, so that one was dialled."
        report.totalMs = 1000
        report.waterfall = [
            phase("queue", 0, 500), phase("dns", 0, 100), phase("connect", 100, 400), phase("send", 500, 0),
            phase("first_byte", 500, 250), phase("body", 750, 250),
        ]
        return report
    }

    static var status: StatusReport {
        var report = StatusReport()
        report.version = "0.1.0"
        report.pid = 42
        report.uptime = "2h13m"
        report.state = "running"
        report.listeners = ["127.0.0.1:3128", "[::1]:3128"]
        report.adminListeners = ["127.0.0.1:3129"]
        report.configLoadedAt = "2027-01-15T08:00:00.000Z"
        report.clients = 2
        report.origins = 2
        report.connections.idle = 6
        report.totals.requests = 12345
        report.totals.reuseRatio = 0.99
        report.store.path = "/var/lib/connd/connd.db"
        report.store.sizeBytes = 1 << 20
        report.store.lastWriteMs = World.now - 2000
        report.memoryBytes = 45 << 20
        report.descriptors = 40
        report.descriptorLimit = 1024
        return report
    }

    static func page<Item>(_ items: [Item], next: String? = nil) -> Page<Item> {
        Page(items: items, nextCursor: next, total: items.count)
    }
}
