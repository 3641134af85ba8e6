import AdminModels
import Metering
import ProxyTypes
import Tuning

/// Connections and exchanges in the API's terms.
extension ConnectionReport {
    init(_ record: ConnectionRecord, now: Int64) {
        self.init()
        number = record.number
        origin = record.origin.description
        state = record.state.rawValue
        local = record.local?.description
        remote = record.remote?.description
        cause = record.cause.name
        pinnedTo = record.owner
        opened = APIFormat.time(record.openedAt)
        openedMs = record.openedAt
        let end = record.closedAt ?? now
        ageMs = max(end - record.openedAt, 0)
        age = APIFormat.duration(milliseconds: ageMs)
        if let since = record.idleSince {
            let length = max(end - since, 0)
            idleMs = length
            idle = APIFormat.duration(milliseconds: length)
        }
        closed = record.closedAt.map(APIFormat.time)
        closedMs = record.closedAt
        reason = record.reason?.name
        closedBy = record.reason?.side.name
        explanation = record.reason?.explanation ?? Self.explanation(of: record.state)
        requests = record.requests
        bytesSent = record.bytesSent
        bytesReceived = record.bytesReceived
        addressSource = record.addressSource?.name
        attempts = record.attempts.map(DialAttemptReport.init)
        dnsMs = APIFormat.milliseconds(record.dnsTime)
        connectMs = APIFormat.milliseconds(record.connectTime)
        tlsMs = APIFormat.milliseconds(record.tlsTime)
        tls = record.tls.map(TLSReport.init)
        tcp = record.tcp.map(TCPReport.init)
        socket = record.socket.map(SocketReport.init)
    }

    private static func explanation(of state: ConnectionState) -> String? {
        switch state {
        case .distrusted: distrusted
        case .parked:
            "its time is over, and it serves no request: it is only watched, to learn when the origin closes it"
                + " (idle_exploration)"
        case .dialing, .idle, .leased, .pinned, .draining, .closing, .tunnel, .closed: nil
        }
    }

    private static let distrusted =
        "another connection to this origin was lost without notice: until this one proves alive, it serves no request"
        + " that may not be repeated, and it is closed if it does not within 5 s"
}

extension DialAttemptReport {
    init(_ attempt: DialAttempt) {
        self.init()
        address = attempt.address.description
        beginMs = APIFormat.milliseconds(attempt.begin)
        durationMs = APIFormat.milliseconds(attempt.duration)
        outcome = attempt.outcome.name
        lastResort = attempt.wasLastResort
    }
}

extension TLSReport {
    init(_ info: TLSInfo) {
        self.init()
        version = info.version.name
        cipher = info.cipher
        resumed = info.isResumed
        verified = info.isVerified
        certificateExpiresMs = info.certificateExpires
        certificateExpires = info.certificateExpires.map(APIFormat.time)
    }
}

extension ExchangeReport {
    init(id: Int64, _ detail: ExchangeDetail) {
        self.init()
        self.id = id
        origin = detail.origin.description
        started = APIFormat.time(detail.startedAt)
        startedMs = detail.startedAt
        outcome = detail.outcome.rawValue
        method = detail.method
        target = detail.target
        status = detail.status
        error = detail.error?.name
        errorDetail = detail.errorDetail
        client = detail.client
        gateway = detail.gateway
        connection = detail.connection == 0 ? nil : detail.connection
        reused = detail.reused
        leaseCause = detail.leaseCause.name
        explanation = detail.why
        retries = detail.retries
        total = APIFormat.duration(microseconds: detail.totalTime)
        totalMs = APIFormat.milliseconds(detail.totalTime)
        bytesFromClient = detail.bytesFromClient
        bytesToClient = detail.bytesToClient
        segments = detail.segments.map(SegmentReport.init)
        windowRestart = detail.restart.map(WindowRestartReport.init)
        race = detail.race.map { LostRaceReport($0, retried: detail.retries > 0) }
        waterfall = detail.phases
    }
}

extension ExchangeDetail {
    fileprivate var why: String {
        switch leaseCause {
        case .none: "it never had a connection: \(errorDetail ?? "see the error")"
        case .idle where reused: "connection \(connection) was idle and was reused"
        case .idle: "connection \(connection) had been dialled ahead and was idle"
        case .returned:
            "all connections were busy: it waited \(waited) until another exchange gave connection \(connection) back"
        case .dialled: "none was idle: it waited \(waited) while connection \(connection) was dialled"
        case .retry:
            "the first try failed on a reused connection: it was sent again on connection \(connection), a new one"
        case .pipelined: "it was sent behind other requests on connection \(connection) (pipelining)"
        case .tunnel: "a tunnel has a connection of its own"
        }
    }

    private var waited: String { APIFormat.duration(microseconds: queueTime) }

    fileprivate var phases: [PhaseReport] {
        var phases: [PhaseReport] = []
        func add(_ name: String, from start: Int64, _ length: Int64) {
            var phase = PhaseReport()
            phase.phase = name
            phase.startMs = APIFormat.milliseconds(start)
            phase.duration = APIFormat.duration(microseconds: length)
            phase.durationMs = APIFormat.milliseconds(length)
            phases.append(phase)
        }
        add("queue", from: 0, queueTime)
        let handshake = dnsTime + connectTime + tlsTime
        if handshake > 0 {
            var start = max(queueTime - handshake, 0)
            for (name, length) in [("dns", dnsTime), ("connect", connectTime), ("tls", tlsTime)] where length > 0 {
                add(name, from: start, length)
                start += length
            }
        }
        guard connection > 0 else { return phases }
        add("send", from: queueTime, sendTime)
        add("first_byte", from: queueTime + sendTime, firstByteTime)
        if status > 0 { add("body", from: queueTime + sendTime + firstByteTime, bodyTime) }
        return phases
    }
}

extension AuditReport {
    init(id: Int64, _ entry: AuditEntry) {
        self.init()
        self.id = id
        time = APIFormat.time(entry.time)
        timeMs = entry.time
        actor = entry.actor
        action = entry.action.rawValue
        subject = entry.subject
        setting = entry.setting?.name
        before = entry.before
        after = entry.after
        reason = entry.reason
    }
}

extension LostRaceReport {
    init(_ race: LostRace, retried: Bool) {
        self.init()
        idle = APIFormat.duration(microseconds: race.idle)
        idleMs = APIFormat.milliseconds(race.idle)
        served = race.served
        sign = race.sign.rawValue
        acknowledged = race.isAcknowledged
        self.retried = retried
        cost = APIFormat.duration(microseconds: race.cost)
        costMs = APIFormat.milliseconds(race.cost)
    }
}
