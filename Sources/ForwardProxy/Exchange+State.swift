import HTTPWire
import Pooling
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// What can be told from the state, for those who have to act on it.
extension Exchange {
    /// Its request takes more than the window of a new connection, on one that was used before.
    @inline(__always)
    var isLongUpload: Bool { bodyLength > UpstreamConnection.firstWindow && record.reused }

    /// The one that it holds.
    var connection: UpstreamConnection? {
        switch state {
        case .sending(let connection, _), .tunnelling(let connection): connection
        case .prepared, .opening, .waiting, .ended: nil
        }
    }

    var isPrepared: Bool {
        switch state {
        case .prepared: true
        case .opening, .waiting, .sending, .tunnelling, .ended: false
        }
    }

    var isWaiting: Bool {
        switch state {
        case .waiting: true
        case .prepared, .opening, .sending, .tunnelling, .ended: false
        }
    }

    /// It waits for a connection that others hold, or for room that they take.
    var waitsForOthers: Bool {
        switch state {
        case .waiting: pool.map { !$0.dialsForAllWaiting } ?? false
        case .prepared, .opening, .sending, .tunnelling, .ended: false
        }
    }

    var isTunnelling: Bool {
        switch state {
        case .tunnelling: true
        case .prepared, .opening, .waiting, .sending, .ended: false
        }
    }

    var hasEnded: Bool {
        switch state {
        case .ended: true
        case .prepared, .opening, .waiting, .sending, .tunnelling: false
        }
    }

    /// Nil while it runs, and where the client gave it up: it has nothing more for its client.
    var outcome: Outcome? {
        switch state {
        case .ended(.abandoned), .prepared, .opening, .waiting, .sending, .tunnelling: nil
        case .ended(let outcome): outcome
        }
    }

    /// An answer of connd's own would come too late, as some of the response may be on its way to the client.
    var responseHasBegun: Bool {
        switch response {
        case .none: false
        case .gathered, .sent: true
        }
    }

    /// Nil before the final response's head.
    var persistence: Persistence? {
        switch response {
        case .none: nil
        case .gathered(let persistence), .sent(let persistence): persistence
        }
    }

    /// A close of the client's connection would make the response look whole, which it is not.
    var endsOnlyByClose: Bool { !hasEnded && persistence == .closeDelimited }

    // MARK: The request

    var isTunnel: Bool { traits.purpose == .tunnel }
    /// What the client sends next may not be HTTP any more.
    var takesOverConnection: Bool { traits.purpose != .message }
    /// May be sent behind others on one connection.
    var mayPipeline: Bool {
        method.isIdempotent && bodyProgress == .complete && traits.purpose == .message && !traits.bindsConnection
    }
    /// May run beside other requests of the same client.
    var isSafeBesideOthers: Bool {
        method.isSafe && traits.purpose == .message && !traits.bindsConnection && !hasOwnConnection
    }
    /// A connection to its origin is its client's alone: that client's requests go there one after the other.
    private var hasOwnConnection: Bool {
        !client.pinnedIn.isEmpty && client.pinnedIn.contains { $0 === pool } && pool?.isPinned(to: client.id) ?? false
    }
    /// How much of the body is held for want of a connection.
    var unsentBytes: Int { connection == nil ? body.count : 0 }
    /// 1 for the first: the one that runs, or the next while it waits.
    var attemptNumber: Int { record.retries + 1 }
    /// No request behind it will be answered.
    private var isLastWhileDraining: Bool { client.isDraining && client.exchanges.last === self }

    /// Unless the response itself ends the connection. The rest of a request that was not read to its end could not be told
    /// from the next request.
    var allowsKeepAlive: Bool { traits.persists && bodyProgress == .complete && !isLastWhileDraining }

    var upstreamIsWritable: Bool { connection?.isWritable ?? true }
    var expectContinueTimeout: Interval { pool?.settings.expectContinueTimeout ?? .zero }
    var tunnelIdleTimeout: Interval { pool?.settings.tunnelIdleTimeout ?? .zero }
}
