import Metering
import Pooling
import ProxyTypes
import Reactor
import TLS

/// Opens connections, and counts what that took.
extension UpstreamPool {
    func dial(_ id: ConnectionID, _ purpose: UpstreamConnection.Purpose, _ cause: DialCause, now: Instant) {
        let protection =
            switch purpose {
            case .requests: tlsProfile.map { Dial.Protection.tls($0) } ?? .none
            // The client of a tunnel does its own TLS, if any.
            case .tunnel: Dial.Protection.none
            }
        let keepsLate = purpose == .requests && keepsLateAttempts
        let dial = Dial(
            origin: origin, protection: protection, settings: settings, loop: loop, load: load, cause: cause,
            onOvertaken: keepsLate ? { [unowned self] in keepTrying($0) } : nil)
        sockets.insert(dial, id)
        dial.start { [unowned self] result in dialled(id, purpose, result) }
    }

    private func dialled(
        _ id: ConnectionID, _ purpose: UpstreamConnection.Purpose, _ result: Result<DialledStream, ProxyError>
    ) {
        let now = loop.now
        guard let dial = sockets.removeDial(id) else {
            // The result crossed with the dial's cancellation.
            if case .success(let dialled) = result { dialled.stream.close() }
            return
        }
        note(dial.refusals)
        switch result {
        case .success(let dialled):
            sockets.insert(open(dialled, id: id, purpose, cause: dial.cause, now: now), id)
            machine.dialSucceeded(id, now: now, into: &actions.pending)
            addressDrain.settled(id, now: now)
        case .failure(let error):
            if let path = dial.pathWithoutPort {
                foundNoPort(id, on: path, now: now)
                break
            }
            lastDialError = error
            loop.metrics.dialFailures[error.kind] += 1
            statistics.dialFailures[error.kind] += 1
            if let reason = dial.tlsFailure { statistics.tls.failures[reason] += 1 }
            if purpose == .requests { shown.failed() }
            machine.dialFailed(id, now: now, into: &actions.pending)
        }
        perform(now: now)
        stopFollowingIfEmpty()
    }

    func open(
        _ dialled: DialledStream, id: ConnectionID, _ purpose: UpstreamConnection.Purpose, cause: DialCause,
        now: Instant
    ) -> UpstreamConnection {
        let connection = UpstreamConnection(
            id: id, purpose: purpose, number: loop.nextConnectionNumber(), pool: self, cause: cause, dialled: dialled,
            now: now)
        if let address = connection.remote?.address { load.add(address) }
        addressDrain.opened(connection)
        loop.metrics.upstreamOpened += 1
        noteOpened(connection, now: now)
        let dns = dialled.times.dns.microseconds
        let connect = dialled.times.connect.microseconds
        loop.metrics.dnsTime.record(microseconds: dns)
        loop.metrics.connectTime.record(microseconds: connect)
        switch purpose {
        case .requests:
            statistics.opened[cause] += 1
            measured(connect: dialled.times.connect)
        case .tunnel: break
        }
        statistics.dnsTime.record(microseconds: dns)
        statistics.connectTime.record(microseconds: connect)
        statistics.handshakePaid += dns + connect
        if let tls = dialled.tls {
            let time = dialled.times.tls.microseconds
            statistics.tls.count(tls, microseconds: time)
            statistics.tlsTime.record(microseconds: time)
            statistics.handshakePaid += time
            if let expires = tls.certificateExpires { certificateExpires = expires }
            if !tls.isVerified { unverifiedConnections += 1 }
            shown.succeeded(tls, wantsCertificate: dialled.wantsCertificate, now: now)
        }
        return connection
    }
}
