import ProxyTypes

/// What is known of one request: what its client sent and saw, and what origins saw of it and answered.
final class Account {
    enum Sent {
        case nothing, part, whole
    }

    enum Outcome: Equatable {
        case pending
        case answered(status: Int)
        /// By connd itself.
        case refused(status: Int, error: String)
        case cut
        /// The connection ended without an answer.
        case unanswered
        /// Its client left before, or never asked.
        case abandoned
        case tunnelEnded
    }

    let request: RequestPlan
    let client: Int
    var sent = Sent.nothing
    /// When its head went out, and when the last byte did.
    var sentAt = Instant.distantFuture
    var wholeAt = Instant.distantFuture
    /// When all of it had arrived at connd's host.
    var arrivedAt = Instant.distantFuture
    var sightings: [Sighting] = []
    private(set) var outcome = Outcome.pending
    private(set) var endedAt = Instant.zero

    init(_ request: RequestPlan, client: Int) {
        self.request = request
        self.client = client
    }

    /// False where it was settled before.
    func settle(_ outcome: Outcome, at time: Instant) -> Bool {
        guard self.outcome == .pending else { return false }
        self.outcome = outcome
        endedAt = time
        return true
    }
}

/// One time that an origin saw a request.
final class Sighting {
    enum Request {
        case arriving, whole, cut
    }

    enum Answer {
        case none, begun
        /// All of it went out, and its end, where the end of the connection is that, was a FIN.
        case whole
        case cut
    }

    let account: Account
    let attempt: Int
    let connection: Int
    let at: Instant
    var request = Request.arriving
    var answer = Answer.none

    init(_ account: Account, connection: Int, at: Instant) {
        self.account = account
        attempt = account.sightings.count
        self.connection = connection
        self.at = at
    }

    var plan: AnswerPlan { account.request.answer(attempt: attempt) }
}

/// All requests of a run, by nonce.
struct Ledger {
    private(set) var accounts: [Account] = []
    private var byNonce: [Nonce: Int] = [:]

    init(_ scenario: Scenario) {
        for (index, client) in scenario.clients.enumerated() {
            for request in client.requests {
                byNonce[request.nonce] = accounts.count
                accounts.append(Account(request, client: index))
            }
        }
    }

    subscript(nonce: Nonce) -> Account? { byNonce[nonce].map { accounts[$0] } }
}
