import ProxyTypes
import Tuning

/// Names one request and everything derived from it. Unique in a scenario, and unchanged when the shrinker removes
/// parts.
typealias Nonce = UInt32

/// Everything that happens in one run except what connd does: which client sends what and when, how origins answer,
/// what the network and the operator do. Value, made from a seed; the shrinker removes parts.
struct Scenario: Sendable {
    var seed: UInt64
    enum Calm: Sendable {
        /// Nothing goes wrong: every request must be answered by its origin, whole.
        case everywhere
        /// Some clients misbehave, which must not affect the others.
        case butForClients
        case nowhere
    }

    var calm: Calm
    var proxy: ProxyPlan
    /// The path to connd's listeners, and the one to all origins.
    var clientPath: Path
    var originPath: Path
    var origins: [OriginPlan]
    var clients: [ClientPlan]
    var happenings: [Happening]
}

/// connd's configuration at the start.
struct ProxyPlan: Sendable {
    var maxClientConnections = 1000
    var maxUpstreamConnections = 1000
    var maxBuffer = 16 * 1024
    var clientHeadTimeout = Interval.seconds(10)
    var clientIdleTimeout = Interval.seconds(60)
    var clientBodyTimeout = Interval.seconds(20)
    var closeLinger = Interval.seconds(2)
    /// How long a worker loads files.
    var loadTime = Interval.milliseconds(1)
}

extension Scenario {
    var isCalm: Bool { if case .everywhere = calm { true } else { false } }

    /// Whether this client's requests must all be answered.
    func mustServe(_ client: Int) -> Bool {
        switch calm {
        case .everywhere: true
        case .butForClients: clients[client].behaves
        case .nowhere: false
        }
    }
}

// MARK: Origins

struct OriginPlan: Sendable {
    enum Names: Sendable {
        case addresses, noSuchName, failed
        /// Of several addresses so many, the last ones.
        case last(Int)
    }

    /// Whether requests name it by an address.
    var isLiteral = false
    var addressCount = 1
    var settings = EffectiveSettings()
    var lookupTime = Interval.milliseconds(2)
    /// How it ends idle connections.
    var idleEnd: IdleEnd?
    /// The number of answers on one connection after which the origin sends `close`.
    var maxAnswers: Int?
    /// The timeout in its Keep-Alive field, in seconds, to which it keeps.
    var keepAliveHint: Int?
    /// Whether it challenges clients with authentication that is bound to a connection.
    var bindsConnections = false
    /// How it speaks TLS, if it does.
    var tls: TLSPlan?
}

struct IdleEnd: Sendable {
    var after: Interval
    var manner: Manner

    enum Manner: Sendable {
        /// `vanish`: the host restarts and has lost the connection; `silence`: it stops responding.
        case fin, reset, vanish, silence, speak
        /// With TLS: FIN without close_notify; close_notify, and FIN a while later; an alert.
        case finAlone, closeNotify, alert
    }
}

/// How an origin answers one arrival of a request.
struct AnswerPlan: Sendable {
    enum Framing: Sendable {
        case length, chunked, untilClose, none
    }

    enum Ending: Sendable {
        /// The connection is kept where HTTP allows it.
        case keep
        /// It sends `close`, and closes.
        case sayClose
        /// It closes without announcing that.
        case close
    }

    /// A fault that cuts the answer after `at` thousandths of it.
    struct Fault: Sendable {
        enum Kind: Sendable {
            case fin, reset, stall, vanish, silence
            /// Bytes that are not HTTP, in place of the head or a chunk size.
            case garbage
            /// With TLS: an alert, and key updates without end.
            case alert, flood
        }

        var kind: Kind
        var at: Int
    }

    var delay = Interval.zero
    /// Whether it answers when it has the head, before the body.
    var isEarly = false
    var interim = 0
    var status = 200
    var framing = Framing.length
    var size = 0
    var hasTrailers = false
    /// The number of writes, with `pause` between them.
    var writes = 1
    var pause = Interval.zero
    var ending = Ending.keep
    /// With TLS: whether the FIN behind it, if there is one, comes without close_notify.
    var endsUnannounced = false
    var fault: Fault?
    /// Whether unsolicited bytes follow the answer.
    var speaksOn = false
    var challenges = false
}

// MARK: Clients

struct ClientPlan: Sendable {
    enum Ending: Sendable {
        /// `silence`: its host stops responding.
        case close, fin, reset, wait, silence
    }

    struct Departure: Sendable {
        enum Trigger: Sendable {
            case after(Interval)
            case bytesReceived(Int)
        }

        var trigger: Trigger
        var manner: Ending
    }

    struct Rest: Sendable {
        var afterBytes: Int
        var length: Interval
    }

    var start = Interval.zero
    var requests: [RequestPlan] = []
    /// When it stops reading for a while.
    var rests: [Rest] = []
    var departure: Departure?
    var ending = Ending.close
    /// One connection for each request.
    var isOneShot = false

    /// Whether it sends valid requests and reads the answers.
    var behaves: Bool {
        departure == nil
            && requests.allSatisfy { request in
                if case .garbage = request.kind { return false }
                return request.stop == nil
            }
    }
}

struct RequestPlan: Sendable {
    enum Verb: String, Sendable {
        case get = "GET", head = "HEAD", post = "POST", put = "PUT", delete = "DELETE", connect = "CONNECT"
        case options = "OPTIONS"

        var isIdempotent: Bool { self != .post && self != .connect }
        var isSafe: Bool { self == .get || self == .head || self == .options }
    }

    enum Kind: Sendable {
        case plain
        case tunnel(TunnelPlan)
        case upgrade(TunnelPlan)
        /// Not HTTP at all.
        case garbage
    }

    struct Body: Sendable {
        var size: Int
        var isChunked: Bool
        var hasTrailers = false
    }

    struct Stop: Sendable {
        enum Manner: Sendable {
            case fin, reset, silence
        }

        /// In thousandths of the message.
        var at: Int
        var manner: Manner
    }

    var nonce: Nonce
    var origin: Int
    var kind = Kind.plain
    var verb = Verb.get
    var minorVersion = 1
    var asksToPersist = true
    var body: Body?
    var expectsContinue = false
    /// Whether it carries credentials that are bound to the connection.
    var logsIn = false
    /// Sent without waiting for earlier answers.
    var isPipelined = false
    var think = Interval.zero
    /// The number of writes, with `pause` between them.
    var writes = 1
    var pause = Interval.zero
    /// Where it stops, if it is never sent whole.
    var stop: Stop?
    /// For the first, second, … arrival at an origin; the last one for all later ones.
    var answers: [AnswerPlan] = [AnswerPlan()]

    func answer(attempt: Int) -> AnswerPlan { answers[min(attempt, answers.count - 1)] }
}

/// What both ends of a tunnel send, and which one ends it.
struct TunnelPlan: Sendable {
    enum Ending: Sendable {
        /// Each end sends a FIN behind its last byte and waits for the other's.
        case both
        case clientCloses, clientResets, originCloses, originResets
        /// One end breaks off after `at` thousandths of its bytes.
        case clientBreaks(at: Int, Break)
        case originBreaks(at: Int, Break)
        /// Neither: a timeout ends it.
        case nobody
    }

    enum Break: Sendable {
        case fin, reset, silence
    }

    var fromClient: Int
    var fromOrigin: Int
    var writes = 1
    var pause = Interval.zero
    var ending = Ending.both
}

// MARK: Operator and environment

/// Something that the operator or the environment does at a set time.
struct Happening: Sendable {
    var at: Interval
    var what: What

    enum What: Sendable {
        // By the operator.
        case settings(origin: Int, EffectiveSettings)
        case clientLimit(Int)
        case upstreamLimit(Int)
        case denies(origin: Int?)
        case drain(origin: Int)
        case reconnect(origin: Int)
        case pause(origin: Int)
        case resume(origin: Int)
        case forget(origin: Int)
        case prewarm(origin: Int, Int)
        /// The n-th of the open ones.
        case closeConnection(Int, force: Bool)
        /// The certificates that connd trusts the origin by are written anew.
        case files(origin: Int, usable: Bool)
        case reload
        case changeListeners
        case stop(grace: Interval)
        case stopAtOnce
        // By the environment.
        case restart(origin: Int)
        case endIdle(origin: Int, IdleEnd.Manner)
        case reach(origin: Int, address: Int, Reach)
        case names(origin: Int, OriginPlan.Names)
        case descriptors(Int?)
        case suspend(Interval)
        case wallClock(Int64)
    }

    enum Reach: Sendable {
        case open, refused, blackHole
        /// Connecting fails: at once, after a while, or with an ICMP error.
        case noRoute, noLocalPort, timesOut, hostUnreachable
        /// Nothing arrives any more, on open connections either.
        case silent
    }
}
