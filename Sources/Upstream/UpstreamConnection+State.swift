import HTTPWire
import Pooling
import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// What a connection does, with all that holds only while it does it. Values without references, so that a state is copied
/// and changed at the cost of a few words.
extension UpstreamConnection {
    enum State: BitwiseCopyable {
        /// Not leased, and watched for the origin's end. Before the first lease `since` is when it was opened.
        case idle(since: Instant)
        case serving(Serving)
        case tunnel(Tunnel)
        case closing(Closing)
        case closed
    }

    /// The request of `exchange` goes out, its response comes in. Those pipelined behind it are `outstanding`.
    struct Serving: BitwiseCopyable {
        var request = RequestProgress.open
        var response = ResponseProgress.none
        var reading = Reading.on
        var timeout = Timeout.none

        enum RequestProgress: BitwiseCopyable {
            case open, complete
        }

        enum ResponseProgress: BitwiseCopyable {
            /// Nothing has come.
            case none
            /// Part of a head has come, or so many whole heads of interim responses.
            case head(interim: Int)
            /// The head was passed on; `bodyReader` says what is left of the body.
            case body(Delivery, Persistence)
        }

        enum Delivery: BitwiseCopyable {
            case asFramed
            /// The client cannot take chunks.
            case contentOnly
        }

        /// What the head says about the connection.
        enum Persistence: BitwiseCopyable {
            case close
            /// As far as `keepAliveHint` promises.
            case keepAlive
        }

        enum Reading: BitwiseCopyable {
            case on
            /// The client takes no more for now.
            case paused
        }

        /// What the origin is to do, and by when.
        enum Timeout: BitwiseCopyable {
            case none
            /// Take some of what was written of the request.
            case request(Instant)
            /// Send a head.
            case head(Instant)
            /// Send more of the body.
            case body(Instant)

            var deadline: Instant {
                switch self {
                case .none: .distantFuture
                case .request(let instant), .head(let instant), .body(let instant): instant
                }
            }
        }
    }

    /// Another protocol in both directions, for CONNECT or behind a 101.
    struct Tunnel: BitwiseCopyable {
        let since: Instant
        var ended = EndedHalf.none

        enum EndedHalf: BitwiseCopyable {
            case none
            /// The origin's FIN has come.
            case input
            /// The client's end was passed on as ours.
            case output
        }
    }

    enum Closing: BitwiseCopyable {
        /// What the origin still sends is read and dropped.
        case lingering(Lingering)
        /// Both sides of a tunnel have ended, and the rest of what was written goes out.
        case flushing(Tunnel)
    }

    struct Lingering: BitwiseCopyable {
        let reason: CloseReason
        let until: Instant
        var linger: LingeringClose
        var end = OwnEnd.sent
    }

    /// Whoever sends the first FIN keeps its port in TIME_WAIT for a minute. So where the origin is about to send one, it is given
    /// the time for it.
    enum OwnEnd: BitwiseCopyable {
        /// Our FIN is out.
        case sent
        /// It goes out at the deadline, unless the origin's has come before.
        case dueAtDeadline
        /// The same, but at the deadline the connection is reset, as ports are short.
        case resetAtDeadline
    }
}

extension UpstreamConnection.Serving {
    /// Gives the origin its time anew for what it is to do next. While the client is the slow one it has no deadline.
    @inline(__always)
    mutating func restartTimeout(headers: Interval, bodyIdle: Interval, now: Instant) {
        timeout = .none
        guard reading == .on else { return }
        switch response {
        case .none, .head:
            guard headers > .zero else { return }
            switch request {
            case .open: timeout = .request(now + headers)
            case .complete: timeout = .head(now + headers)
            }
        case .body:
            guard bodyIdle > .zero else { return }
            timeout = .body(now + bodyIdle)
        }
    }
}

extension UpstreamConnection.State {
    /// Changes what holds while serving; nothing in another state. `change` must not call anything that sees the connection.
    @inline(__always)
    mutating func update(_ change: (inout UpstreamConnection.Serving) -> Void) {
        guard case .serving(var serving) = self else { return }
        change(&serving)
        self = .serving(serving)
    }
}

/// How a connection ends.
enum CloseManner {
    /// With a FIN behind what was written, and then for `close_linger` what the origin sends is read and dropped: closing
    /// with bytes unread would send a RST, which may destroy what the origin has not read yet.
    case polite
    /// The same, but the origin is to send its FIN first: it said that it will, or ports are short.
    case afterOrigin
    /// When all that was written has gone out.
    case flush
    /// At once.
    case abrupt
}

extension CloseReason {
    /// How an end for this reason is made, where nothing else requires it to be abrupt.
    var manner: CloseManner {
        switch self {
        // The connection is in order and the origin may still be reading.
        case .originConnectionClose: .afterOrigin
        case .idleTimeout, .learnedIdleBound, .keepAliveHint, .maxLifetime, .maxRequests, .originFinIdle, .dnsDrain,
            .settingsChanged, .poolShrink, .drained, .shutdown, .pinned:
            .polite
        // The origin has ended or broken it, or it holds bytes that belong to nothing, or its place is needed at once.
        case .originRstIdle, .originClosedMidResponse, .responseUntilClose, .framingError, .unsolicitedBytes,
            .clientAborted, .headersTimeout, .bodyTimeout, .writeTimeout, .dialFailed, .tlsFailed, .fdPressure, .killed,
            .earlyResponse, .pathBlackHole, .distrusted:
            .abrupt
        }
    }
}

extension StreamEnd {
    /// The peer was not heard: the kernel has given up, or a router says that it cannot be reached.
    var isSilence: Bool {
        switch self {
        case .failure(let code): [ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN].contains(code)
        case .outputDone, .tls: false
        }
    }

    /// Of a connection that serves no request.
    var closeReason: CloseReason {
        switch self {
        case .outputDone: .drained
        case .failure: isSilence ? .pathBlackHole : .originRstIdle
        case .tls: .tlsFailed
        }
    }
}
