import ProxyTypes

/// First come, first served: if nothing goes wrong, no request reaches its origin long before another one that reached
/// connd well before it.
extension World {
    /// Whether nothing may change the order of this request, as pipelining and connections pinned to a client do.
    private func isOrdered(_ account: Account) -> Bool {
        guard case .plain = account.request.kind, !account.request.expectsContinue, account.sightings.count == 1 else {
            return false
        }
        return account.arrivedAt < .distantFuture
    }

    func checkOrder() {
        let plans = scenario.clients.lazy.flatMap(\.requests)
        guard scenario.isCalm, scenario.originPath.isPlain, !plans.contains(where: \.logsIn) else { return }
        for origin in origins where !origin.everPipelined {
            // What is written while a ticket has come in part goes out with the rest of it.
            let slack = slack + (origin.plan.tls?.ticketSplit ?? .zero)
            let accounts = ledger.accounts.filter { $0.request.origin == origin.index && isOrdered($0) }
            guard accounts.count < 150 else { continue }
            for one in accounts where !one.request.isPipelined { checkTurns(while: one, others: accounts, slack) }
            if hasPipelines { continue }
            for (place, one) in accounts.enumerated() {
                for other in accounts[(place + 1)...] {
                    compare(one, other, slack)
                    compare(other, one, slack)
                }
            }
        }
    }

    /// The longest round of connd's loop, within which there is no order.
    private static let round = Interval.milliseconds(30)

    /// From when a request is granted to when its origin has surely seen it.
    private var slack: Interval { scenario.originPath.maxLatency + scenario.originPath.maxLatency + Self.round }

    /// Clients are served in turn: while a request waits, no other client is served twice.
    private func checkTurns(while waiting: Account, others: [Account], _ slack: Interval) {
        let from = waiting.arrivedAt + Self.round + slack
        let until = waiting.sightings[0].at
        guard from + slack < until else { return }
        var served: [Int: Int] = [:]
        for other in others where other.client != waiting.client {
            let time = other.sightings[0].at
            guard from < time, time + slack < until else { continue }
            served[other.client, default: 0] += 1
        }
        guard let most = served.values.max(), most > 1 else { return }
        violated(
            .order,
            "request \(waiting.request.nonce) waited while another client was served \(most) times by origin "
                + "\(waiting.request.origin)")
    }

    private func compare(_ first: Account, _ second: Account, _ slack: Interval) {
        guard first.arrivedAt + Self.round < second.sentAt, first.client != second.client else { return }
        guard second.sightings[0].at + slack < first.sightings[0].at else { return }
        violated(
            .order,
            "request \(second.request.nonce) overtook \(first.request.nonce) to origin \(first.request.origin)")
    }
}

extension Path {
    /// Whether a head arrives in one segment, without delay by bandwidth.
    var isPlain: Bool { cuts == .whole && bytesPerSecond == 0 && sendBuffer > 1000 && receiveBuffer > 1000 }
}
