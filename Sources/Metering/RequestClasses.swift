/// What a method promises (RFC 9110 9.2): whether it may be sent again is what a pool needs to know of it.
package enum MethodClass: UInt8, CaseIterable, Sendable {
    /// GET, HEAD, OPTIONS, TRACE.
    case safe
    /// PUT, DELETE.
    case idempotent
    /// POST, PATCH and all else: sent once.
    case unsafe

    package var name: String {
        switch self {
        case .safe: "safe"
        case .idempotent: "idempotent"
        case .unsafe: "unsafe"
        }
    }
}

/// How an exchange ended, as its client saw it.
package enum OutcomeClass: UInt8, CaseIterable, Sendable {
    case informational, success, redirection, clientError, serverError
    /// The answer was connd's own: see the counts by error kind.
    case proxyError
    /// The response was cut short.
    case cut
    /// The client went away.
    case aborted

    /// Of a final status that an origin sent.
    package init(status: Int) {
        switch status / 100 {
        case 1: self = .informational
        case 2: self = .success
        case 3: self = .redirection
        case 4: self = .clientError
        default: self = .serverError
        }
    }

    package var name: String {
        switch self {
        case .informational: "1xx"
        case .success: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        case .proxyError: "proxy_error"
        case .cut: "cut"
        case .aborted: "aborted"
        }
    }
}

/// One cell of the table of exchanges: method class by outcome. Value.
package struct RequestClass: CaseIterable, RawRepresentable, Hashable, Sendable {
    package let method: MethodClass
    package let outcome: OutcomeClass

    package init(_ method: MethodClass, _ outcome: OutcomeClass) {
        self.method = method
        self.outcome = outcome
    }

    package init?(rawValue: UInt8) {
        let outcomes = UInt8(OutcomeClass.allCases.count)
        guard let method = MethodClass(rawValue: rawValue / outcomes),
            let outcome = OutcomeClass(rawValue: rawValue % outcomes)
        else { return nil }
        self.init(method, outcome)
    }

    package var rawValue: UInt8 { method.rawValue * UInt8(OutcomeClass.allCases.count) + outcome.rawValue }

    package static let allCases = MethodClass.allCases.flatMap { method in
        OutcomeClass.allCases.map { RequestClass(method, $0) }
    }
}
