import ProxyTypes

/// Everything known about one request: what its client sent and received, and what origins received and answered.
final class Account {
    enum Sent {
        case nothing, part, whole
    }

    enum Outcome: Equatable {
        case pending
        case answered(status: Int)
        /// connd answered with an error.
        case refused(status: Int, error: String)
        case cut
        /// The connection ended without an answer.
        case unanswered
        /// Its client left before the answer, or never sent it.
        case abandoned
        case tunnelEnded
    }

    let request: RequestPlan
    let client: Int
    var sent = Sent.nothing
    /// When the head was sent, and when the last byte was.
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

    /// False if it was settled before.
    func settle(_ outcome: Outcome, at time: Instant) -> Bool {
        guard self.outcome == .pending else { return false }
        self.outcome = outcome
        endedAt = time
        return true
    }
}

/// One arrival of a request at an origin.
final class Sighting {
    enum Request {
        case arriving, whole, cut
    }

    enum Answer {
        case none, begun
        /// All of it was sent; if the end of the connection ends it, that was a FIN.
        case whole
        case cut
    }

    /// It keeps its sightings.
    unowned let account: Account
    let attempt: Int
    let connection: Int
    let at: Instant
    var request = Request.arriving
    var answer = Answer.none
    /// When an alert of its origin had arrived at connd's host, in the place of an answer.
    var alertedAt: Instant?

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
