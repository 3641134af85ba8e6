import ProxyTypes

/// The properties that must hold in every run.
enum Property: String, Sendable, CaseIterable {
    case answeredOnce = "every request is answered once, or its client sees a cut or a close"
    case foreignBytes = "no byte of one exchange reaches another"
    case cutLooksWhole = "a message that was cut never looks whole"
    case sentTooOften = "an origin sees a request no more often than it may be sent"
    case sentTooLate = "what must not be sent twice is not sent onto a connection that has ended"
    case wellFormed = "connd sends well-formed HTTP/1"
    case sharedConnection = "one request at a time on a connection, but for pipelining where it is set"
    case login = "nobody is served under another client's login"
    case limits = "limits are never exceeded"
    case order = "first come, first served"
    case buffers = "buffers are bounded"
    case obeyed = "an order holds from when it was given"
    case rest = "nothing waits for ever"
    case counters = "counters add up"
    case encrypted = "origins of https get nothing but records, and data only from who may trust them"
    case sessions = "sessions are resumed only where they were made, and tickets once"
    case waiting = "no handshake waits for what does not come"
    case memory = "memory is back where it began"
    case invariants = "no invariant is broken"
    case calm = "where nothing goes wrong, every request is served"
    case justified = "an error has a cause"
}

/// One property that did not hold. Value.
struct Violation: Sendable, CustomStringConvertible {
    let property: Property
    let text: String
    let at: Instant

    var description: String {
        "\(property) (\(property.rawValue)), after \(Double(at.nanoseconds / 1000) / 1000) ms: \(text)"
    }
}
