import ProxyTypes
import Tuning

/// Names one request, and all that is made of it. Unique in a scenario, and kept when parts of it are left out.
typealias Nonce = UInt32

/// All that happens in one run but for what connd does: who asks what and when, how origins answer, what the network and
/// the operator do. A value made from a seed; the shrinker leaves parts out.
struct Scenario: Sendable {
    var seed: UInt64
    enum Calm: Sendable {
        /// Nothing goes wrong: every request must be answered by its origin, whole.
        case everywhere
        /// Some clients misbehave, which is not to cost the others anything.
        case butForClients
        case nowhere
    }

    var calm: Calm
    var proxy: ProxyPlan
    /// To connd's listeners, and to all origins.
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

    /// An address in place of a name.
    var isLiteral = false
    var addressCount = 1
    var settings = EffectiveSettings()
    var lookupTime = Interval.milliseconds(2)
    /// What becomes of a connection between two requests.
    var idleEnd: IdleEnd?
    /// Answers on one connection after which the origin says `close`.
    var maxAnswers: Int?
    /// As told in Keep-Alive; the origin does as it says.
    var keepAliveHint: Int?
    /// Challenges that authenticate a connection are made here.
    var bindsConnections = false
}

struct IdleEnd: Sendable {
    var after: Interval
    var manner: Manner

    enum Manner: Sendable {
        /// `vanish`: the host is started again and knows nothing of it; `silence`: it is gone.
        case fin, reset, vanish, silence, speak
    }
}

/// How an origin answers a request when it sees it for the n-th time.
struct AnswerPlan: Sendable {
    enum Framing: Sendable {
        case length, chunked, untilClose, none
    }

    enum Ending: Sendable {
        /// The connection is kept where HTTP allows it.
        case keep
        /// It says `close`, and does.
        case sayClose
        /// It closes without having said so.
        case close
    }

    /// Something that cuts the answer, behind so many thousandths of it.
    struct Fault: Sendable {
        enum Kind: Sendable {
            case fin, reset, stall, vanish, silence
            /// Bytes that are no HTTP, in place of the head or a chunk size.
            case garbage
        }

        var kind: Kind
        var at: Int
    }

    var delay = Interval.zero
    /// Begun when the head is there, be the body still due.
    var isEarly = false
    var interim = 0
    var status = 200
    var framing = Framing.length
    var size = 0
    var hasTrailers = false
    /// In so many writes, with pauses.
    var writes = 1
    var pause = Interval.zero
    var ending = Ending.keep
    var fault: Fault?
    /// More bytes than were asked for, behind the answer.
    var speaksOn = false
    var challenges = false
}

// MARK: Clients

struct ClientPlan: Sendable {
    enum Ending: Sendable {
        /// `silence`: its host is gone, and nobody is told.
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
    /// Where it stops reading for a while.
    var rests: [Rest] = []
    var departure: Departure?
    var ending = Ending.close
    /// One connection for each request.
    var isOneShot = false

    /// It asks what can be answered, and takes the answers.
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
        /// No HTTP at all.
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
    /// Credentials that hold for the connection.
    var logsIn = false
    /// Sent without waiting for the answers before it.
    var isPipelined = false
    var think = Interval.zero
    /// In so many writes, with pauses.
    var writes = 1
    var pause = Interval.zero
    /// It is never sent whole.
    var stop: Stop?
    /// By the n-th time it is seen; the last one for all later ones.
    var answers: [AnswerPlan] = [AnswerPlan()]

    func answer(attempt: Int) -> AnswerPlan { answers[min(attempt, answers.count - 1)] }
}

/// What both ends of a tunnel say, and who ends it.
struct TunnelPlan: Sendable {
    enum Ending: Sendable {
        /// Each end says FIN behind its last byte and waits for the other's.
        case both
        case clientCloses, clientResets, originCloses, originResets
        /// One end breaks off behind so many thousandths of what it has to say.
        case clientBreaks(at: Int, Break)
        case originBreaks(at: Int, Break)
        /// Until somebody's time-out.
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

// MARK: The rest of the world

/// What an operator or the surroundings do at a time.
struct Happening: Sendable {
    var at: Interval
    var what: What

    enum What: Sendable {
        // The operator.
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
        /// The n-th of those that live.
        case closeConnection(Int, force: Bool)
        case reload
        case changeListeners
        case stop(grace: Interval)
        case stopAtOnce
        // The surroundings.
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
        /// What connecting fails with at once, after a while, or by a router's word.
        case noRoute, noLocalPort, timesOut, hostUnreachable
        /// Nothing arrives any more, of connections that are open either.
        case silent
    }
}
