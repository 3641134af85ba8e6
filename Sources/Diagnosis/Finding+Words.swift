package import ProxyTypes

/// Findings as words for programs and sentences for people.
extension Verdict {
    /// One word, for programs.
    package var word: String {
        switch self {
        case .contact: "answers"
        case .persistence(.keeps): "keeps"
        case .persistence(.closes): "closes"
        case .persistence(.closesUnannounced): "closes_unannounced"
        case .hints(let hints): hints.timeout == nil && hints.max == nil ? "none" : "given"
        case .idleLimit(let limit): limit.word
        case .maxRequests(.closesAfter(_, announced: true)): "closes"
        case .maxRequests(.closesAfter(_, announced: false)): "closes_unannounced"
        case .maxRequests(.moreThan): "more_than"
        case .maxRequests(.overloaded): "overloaded"
        case .pipelining(let found): found.word
        case .halfClose(let found): found.word
        case .expectContinue(let found): found.word
        case .resumption(let found):
            found.resumed == 0 ? "never" : found.resumed < found.connections ? "sometimes" : "resumes"
        case .addresses(let spread): spread.used.count > 1 ? "several" : "one"
        case .acknowledgement(.atOnce): "at_once"
        case .acknowledgement(.delayed): "delayed"
        case .acknowledgement(.none): "none"
        case .notMeasured(let obstacle): obstacle.word
        }
    }

    /// A time that belongs to it, and how far single ones were from it.
    package var length: Interval? {
        switch self {
        case .contact(let contact): contact.answerTime
        case .hints(let hints): hints.timeout.map { .seconds(Int64(clamping: $0)) }
        case .idleLimit(.closes(let after, _, _)), .idleLimit(.closesBetween(let after, _, _, _)),
            .idleLimit(.sometimes(let after, _, _, _)), .idleLimit(.outlasts(let after, _)),
            .idleLimit(.pathForgets(let after)):
            after
        case .expectContinue(.continues(let after)), .expectContinue(.waitsForBody(let after)): after
        case .acknowledgement(.atOnce(let after)), .acknowledgement(.delayed(let after)),
            .acknowledgement(.none(let after)):
            after
        case .persistence, .maxRequests, .pipelining, .halfClose, .expectContinue, .resumption, .addresses,
            .notMeasured:
            nil
        }
    }

    package var deviation: Interval? {
        switch self {
        case .idleLimit(.closes(_, let deviation, _)): deviation
        case .idleLimit(.closesBetween(let least, let most, _, _)): most - least
        default: nil
        }
    }

    /// A number that belongs to it: requests, connections, or addresses.
    package var count: Int? {
        switch self {
        case .hints(let hints): hints.max
        case .idleLimit(.closes(_, _, let count)), .idleLimit(.closesBetween(_, _, let count, _)),
            .idleLimit(.sometimes(_, let count, _, _)), .idleLimit(.outlasts(_, let count)):
            count
        case .maxRequests(.closesAfter(let count, _)), .maxRequests(.moreThan(let count)),
            .maxRequests(.overloaded(let count, _)):
            count
        case .resumption(let found): found.resumed
        case .addresses(let spread): spread.known ?? spread.used.count
        case .contact, .persistence, .idleLimit, .pipelining, .halfClose, .expectContinue, .acknowledgement,
            .notMeasured:
            nil
        }
    }
}

extension IdleLimit {
    var word: String {
        switch self {
        case .closes: "closes"
        case .closesBetween: "closes_between"
        case .sometimes: "sometimes_closes"
        case .outlasts: "longer_than"
        case .pathForgets: "path_forgets"
        }
    }
}

extension Pipelining {
    var word: String {
        switch self {
        case .answersBoth: "in_order"
        case .closesAfterFirst: "closes"
        case .dropsSecond: "drops"
        case .refuses: "refuses"
        }
    }
}

extension HalfClose {
    var word: String {
        switch self {
        case .answers: "answers"
        case .closes: "closes"
        case .resets: "resets"
        case .ignores: "ignores"
        }
    }
}

extension ExpectContinue {
    var word: String {
        switch self {
        case .continues: "continues"
        case .answers: "answers"
        case .waitsForBody: "waits"
        case .closes: "closes"
        }
    }
}

extension Obstacle {
    var word: String {
        switch self {
        case .failed: "failed"
        case .noRoom: "no_room"
        case .notKept: "not_kept"
        case .notAsked: "not_asked"
        case .notEncrypted: "not_encrypted"
        case .overload: "overload"
        case .stopped: "stopped"
        case .bound: "bound"
        }
    }
}
