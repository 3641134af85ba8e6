package import ProxyTypes

/// What an examination finds out, in the order in which it is told.
package enum Subject: String, CaseIterable, Hashable, Sendable {
    case contact, persistence11, persistence10, hints, idleLimit, maxRequests, pipelining, halfClose, expectContinue
    case tls, addresses, acknowledgement

    /// As the API names it.
    package var name: String {
        switch self {
        case .contact: "contact"
        case .persistence11: "persistence_http11"
        case .persistence10: "persistence_http10"
        case .hints: "keep_alive_hints"
        case .idleLimit: "idle_limit"
        case .maxRequests: "max_requests"
        case .pipelining: "pipelining"
        case .halfClose: "half_close"
        case .expectContinue: "expect_continue"
        case .tls: "tls_resumption"
        case .addresses: "addresses"
        case .acknowledgement: "delayed_ack"
        }
    }
}

/// Value.
package struct Finding: Equatable, Sendable {
    package let subject: Subject
    package let verdict: Verdict

    package init(_ subject: Subject, _ verdict: Verdict) {
        self.subject = subject
        self.verdict = verdict
    }
}

/// What was found of one subject. Value.
package enum Verdict: Equatable, Sendable {
    case contact(Contact)
    case persistence(Persistence)
    case hints(KeepAliveHints)
    case idleLimit(IdleLimit)
    case maxRequests(RequestLimit)
    case pipelining(Pipelining)
    case halfClose(HalfClose)
    case expectContinue(ExpectContinue)
    case resumption(Resumption)
    case addresses(AddressSpread)
    case acknowledgement(Acknowledgement)
    case notMeasured(Obstacle)
}

/// Why something was not measured. Value.
package enum Obstacle: Equatable, Sendable {
    /// In words.
    case failed(String)
    /// A limit allowed no connection.
    case noRoom
    /// Each response ends its connection.
    case notKept
    /// Nobody asked for it.
    case notAsked
    /// The origin is not reached over TLS.
    case notEncrypted
    /// The origin answered that it is asked too much.
    case overload(status: Int)
    case stopped(StopReason)
    /// The bound of requests or connections was reached.
    case bound
}

/// Why an examination ended before its time. Value.
package enum StopReason: Equatable, Sendable {
    case byOperator
    /// Requests wait for connections that the examination would hold.
    case trafficWaits
    case paused
    /// The pool of the origin is gone.
    case forgotten
    case shutdown
}

package struct Contact: Equatable, Sendable {
    package var method: ProbeRequest.Method
    package var status: Int
    package var version: ProbeRequest.Version
    package var server: String?
    package var connectTime: Interval
    /// From the request to the end of its answer.
    package var answerTime: Interval
}

/// Whether a connection carries a second request. Value.
package enum Persistence: Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        case connectionClose, bodyWithoutLength, http10
    }

    case keeps
    case closes(Reason)
    /// The response promised more.
    case closesUnannounced
}

package struct KeepAliveHints: Equatable, Sendable {
    /// Seconds.
    package var timeout: Int?
    package var max: Int?
}

/// Value.
package enum IdleLimit: Equatable, Sendable {
    /// After about so long, on all of so many connections.
    case closes(after: Interval, deviation: Interval, connections: Int)
    /// At unlike ages.
    case closesBetween(Interval, Interval, connections: Int, atOnce: Bool)
    /// Some were closed, and some outlived the examination.
    case sometimes(after: Interval, closed: Int, connections: Int, wait: Interval)
    /// None was closed, and each answered after so long.
    case outlasts(Interval, connections: Int)
    /// None was closed, and a request after so long did not come through.
    case pathForgets(within: Interval)
}

/// How many requests one connection carries. Value.
package enum RequestLimit: Equatable, Sendable {
    /// The last response said so, or the connection ended without a word.
    case closesAfter(Int, announced: Bool)
    case moreThan(Int)
    /// The origin answered that it is asked too much.
    case overloaded(after: Int, status: Int)
}

/// What becomes of two requests in one segment. Value.
package enum Pipelining: Equatable, Sendable {
    case answersBoth
    /// The connection ends behind the first answer.
    case closesAfterFirst
    /// The second is never answered.
    case dropsSecond
    case refuses
}

/// Whether a request is answered whose client has shut its output. Value.
package enum HalfClose: Equatable, Sendable {
    case answers, closes, resets, ignores
}

/// What a request with `Expect: 100-continue` meets. Value.
package enum ExpectContinue: Equatable, Sendable {
    case continues(after: Interval)
    /// A final answer, without a body having been sent.
    case answers(status: Int)
    case waitsForBody(Interval)
    case closes
}

package struct Resumption: Equatable, Sendable {
    package var version: TLSInfo.Version
    package var cipher: String
    package var resumed: Int
    /// Connections but for the first.
    package var connections: Int
    package var isVerified: Bool
}

package struct AddressSpread: Equatable, Sendable {
    /// Connections at each, the most first.
    package var used: [Use]
    /// Addresses that the name has; nil where they were not looked up.
    package var known: Int?

    package struct Use: Equatable, Sendable {
        package var address: IPAddress
        package var connections: Int
        package var connectTime: Interval
    }
}

/// How soon part of a request is acknowledged that gives nothing to answer. Value.
package enum Acknowledgement: Equatable, Sendable {
    case atOnce(Interval)
    case delayed(Interval)
    /// Not within so long.
    case none(Interval)
}

/// What idle connections tell the learner of idle limits. Value.
package enum IdleOutcome: Equatable, Sendable {
    /// The origin closed one of that age.
    case closed(IdleAge, IdleEnd)
    /// It was open at that age, and answered.
    case outlived(IdleAge)
    /// Neither an end nor an answer came, nor was the request acknowledged: the path has forgotten it.
    case silent(IdleAge)
    /// A RST came for the request: the path or the origin has forgotten it, without a word.
    case forgotten(IdleAge)
}

package enum IdleEnd: Equatable, Sendable {
    case fin, reset
    /// A FIN came when the connection was used: it may have been under way, or an answer to that.
    case onUse
}

package struct IdleAge: Equatable, Sendable {
    /// Since the last byte was received.
    package var age: Interval
    /// From the last byte sent to the last received.
    package var lag: Interval
    /// When it ended or was asked.
    package var at: Instant
    package var requests: Int
}
