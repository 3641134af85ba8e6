import Learning

/// The life of an idle connection.
extension ZooSimulation {
    func responded(_ connection: ZooConnection, now: Double) {
        sketch?.released(now: Self.instant(now))
        connection.since = now
        connection.lag = now - connection.asked
        if learned?.wearsOut(connection) == true || now >= connection.expires {
            connection.isGone = true
            return
        }
        connection.told = 0
        connection.isIdle = true
        connection.isPinged = false
        connection.hasToldMilestone = false
        connection.lastSegment = now
        connection.wakesAt = .infinity
        planClose(connection, now: now)
        idle.append(connection)
        connection.retiresAt = min(now + max(policy.retireAfter(connection), 0), connection.expires)
        guard connection.retiresAt > now else { return retire(connection, now: now) }
        schedule(connection)
        if idle.count > maxIdle { closeIdle(idle[0], now: now) }
    }

    private func planClose(_ connection: ZooConnection, now: Double) {
        let responded = now - oneWay()
        connection.model = origin.backends[connection.backend].model
        if origin.maxRequests > 0, connection.requests >= origin.maxRequests {
            connection.closesAt = responded
        } else {
            let asked = connection.asked + origin.roundTrip / 2
            connection.closesAt = connection.model.closesAt(&random, responded: responded, asked: asked)
        }
        guard connection.closesAt < .infinity else {
            connection.finAt = .infinity
            return
        }
        connection.finAt = max(connection.closesAt + oneWay(), now)
        if connection.model.busy > 0 {
            connection.finAt += random.exponential(connection.model.busy)
            connection.closesAt -= random.exponential(connection.model.busy)
        }
        connection.finAt = audible(connection.finAt, connection)
    }

    func leaveIdle(_ connection: ZooConnection, now: Double) {
        if let place = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: place) }
        connection.isIdle = false
        count.idle += now - connection.since
        if connection.isProbe { count.probing += now - connection.retiresAt }
        learned?.unpark(connection)
    }

    private func nextTime(_ connection: ZooConnection) -> Double {
        guard connection.isProbe, let learned else { return min(connection.finAt, connection.retiresAt) }
        var next = connection.since + learned.hold
        if !connection.hasToldMilestone { next = min(next, connection.since + learned.milestone) }
        if learned.keepAliveAt > 0, !connection.isPinged { next = min(next, connection.since + learned.keepAliveAt) }
        return min(connection.finAt, max(next, connection.retiresAt))
    }

    func schedule(_ connection: ZooConnection) {
        let next = nextTime(connection)
        guard next < connection.wakesAt else { return }
        connection.wakesAt = next
        queue.add(next, .woken(connection))
    }

    /// Its time as an ordinary idle connection is over.
    private func retire(_ connection: ZooConnection, now: Double) {
        guard policy.probes(connection, now: now) != nil else { return closeIdle(connection, now: now) }
        mostProbes = max(mostProbes, learned?.parked ?? 0)
        connection.retiresAt = now
        connection.wakesAt = .infinity
        schedule(connection)
    }

    private func closeIdle(_ connection: ZooConnection, now: Double) {
        leaveIdle(connection, now: now)
        connection.isGone = true
        learned?.kept(connection, age: now - connection.since, now: now)
    }

    func woken(_ connection: ZooConnection, now: Double) {
        guard now >= connection.wakesAt else { return }
        connection.wakesAt = .infinity
        guard connection.isIdle, !connection.isGone else { return }
        guard nextTime(connection) <= now + 1e-9 else { return schedule(connection) }
        if connection.finAt <= now {
            leaveIdle(connection, now: now)
            connection.isGone = true
            learned?.closed(connection, age: now - connection.since, now: now)
        } else if connection.isProbe, let learned {
            probe(connection, learned, now: now)
        } else {
            retire(connection, now: now)
        }
    }

    private func probe(_ connection: ZooConnection, _ learned: ZooLearnedPolicy, now: Double) {
        let age = now - connection.since
        // As `nextTime` adds it up: after years of simulated time the sum is not exact to the microsecond.
        func isDue(_ span: Double) -> Bool { now + 1e-9 >= connection.since + span }
        if learned.keepAliveAt > 0, isDue(learned.keepAliveAt), !connection.isPinged {
            connection.isPinged = true
            guard now - connection.lastSegment <= origin.silence.limit else {
                leaveIdle(connection, now: now)
                connection.isGone = true
                return learned.probed(age: age, isAnswered: false, now: now)
            }
            connection.lastSegment = now
            learned.probed(age: age, isAnswered: true, now: now)
        }
        if !connection.hasToldMilestone, isDue(learned.milestone) {
            connection.hasToldMilestone = true
            learned.outlived(connection, age: age, now: now)
        }
        if isDue(learned.hold) { closeIdle(connection, now: now) } else { schedule(connection) }
    }

    func failed(_ failure: ZooFailure, now: Double) {
        if failure.sign != .closed { count.silent += 1 }
        if failure.isPost { count.lostPosts += 1 } else { count.repeated += 1 }
        learned?.lost(
            failure.connection, age: failure.age, elapsed: now - failure.sentAt, failure.sign, now: now)
        if !failure.isPost { dial(now) }
    }
}
