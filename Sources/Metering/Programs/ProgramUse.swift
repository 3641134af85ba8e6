package import ProxyTypes

/// What one client's connection has asked for since it was last told. Value.
package struct ProgramUse: Sendable {
    /// Of one origin. Value.
    package struct Part: Sendable {
        package let origin: Origin
        package var requests: Int
        package var errors: Int
        /// The connection has not asked it before.
        package var isFirst: Bool

        package init(origin: Origin, requests: Int, errors: Int, isFirst: Bool) {
            self.origin = origin
            self.requests = requests
            self.errors = errors
            self.isFirst = isFirst
        }
    }

    package let client: UInt64
    /// Requests that connd answered itself, and those to origins beyond the ones that a connection's counts name.
    package var requests = 0
    package var errors = 0
    package var part: Part?
    /// Few connections ask more than one origin.
    package var others: [Part] = []
    /// The connection has ended.
    package var isLast: Bool

    package init(client: UInt64, isLast: Bool) {
        self.client = client
        self.isLast = isLast
    }
}

/// How the look-up of a client's program ended. Value.
package enum Attribution: UInt8, CaseIterable, Sendable {
    /// Its process or its service was found.
    case found
    /// It was gone or not found, and one program alone had connected lately: `LatestProgram`.
    case assumed
    /// Its user is known, and connd may not look at the processes of that user.
    case userOnly
    /// Its user is known, and no process was found that holds its socket.
    case processNotFound
    /// It had closed its connection before connd asked.
    case gone
    /// It is of another host or network namespace.
    case remote
    /// More connections came than could be looked up.
    case tooMany
    /// The kernel does not tell.
    case failed

    package var name: String {
        switch self {
        case .found: "found"
        case .assumed: "assumed"
        case .userOnly: "user_only"
        case .processNotFound: "process_not_found"
        case .gone: "gone"
        case .remote: "remote"
        case .tooMany: "too_many"
        case .failed: "failed"
        }
    }
}
