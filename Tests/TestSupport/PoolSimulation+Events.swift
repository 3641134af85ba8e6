import Pooling
import ProxyTypes

/// What may happen to a pool, and how often it does.
extension PoolSimulation {
    mutating func step() {
        if choices.chance(1, in: 3) { passTime() }
        switch choices.pick(96) {
        case 0..<20: lease()
        case 20..<24: cancel()
        case 24..<36: endDial()
        case 36..<48: release()
        case 48..<55: closed()
        case 55: loseConnection()
        case 56: noteClosing()
        case 57: noise()
        case 58: apply()
        case 59: pressure()
        case 60: changeOthers()
        case 61: dialsSucceed = choices.chance(3, in: 5)
        case 62: prewarm()
        case 63: closeOne()
        case 64, 65: pauseOrResume()
        case 66...68: pin()
        case 69: endPins()
        case 70..<73: loseLeased()
        case 73: moveAddress()
        case 74..<79: openTunnel()
        case 79..<84: endTunnelDial()
        case 84..<90: endTunnel()
        case 90..<93: supplyPorts()
        case 93..<96: learn()
        default: endAll()
        }
    }

    private mutating func passTime() {
        switch choices.pick(8) {
        case 0...3: time.advance(by: .milliseconds(Int64(choices.pick(40))))
        case 4: time.advance(by: .milliseconds(Int64(choices.pick(40)) * 50))
        case 5: time.advance(by: .seconds(Int64(choices.pick(20))))
        default:
            // Never beyond what a driver would sleep.
            if pool.nextDeadline < .distantFuture { time.advance(to: pool.nextDeadline) }
        }
        guard pool.nextDeadline <= time.now, choices.chance(7, in: 8) else { return }
        note("deadlineReached")
        both({ $0.deadlineReached(now: $2, into: &$1) }, { $0.deadlineReached(now: $1) })
        if pool.nextDeadline <= time.now { fail("due again at once: \(pool.nextDeadline), \(time.now)") }
    }

    private mutating func lease() {
        nextWaiter += 1
        let waiter = WaiterID(slot: nextWaiter % 16, generation: nextWaiter)
        let client = ClientID(rawValue: UInt64(choices.pick(4)))
        let needsFresh = choices.chance(1, in: 8)
        let isRetryable = choices.chance(1, in: 2)
        let mayPipeline = choices.chance(1, in: 2)
        let short = !needsFresh && choices.chance(1, in: 2)
        let request = LeaseRequest(
            client: client, needsFresh: needsFresh, isRetryable: isRetryable, mayPipeline: mayPipeline)
        waiting.append(waiter)
        clients[waiter] = client
        if isRetryable { retryable.insert(waiter) }
        note("lease \(waiter) \(request) short: \(short)")
        both(
            {
                if short,
                    let (id, reused) = $0.leaseIdle(
                        mayPipeline: mayPipeline, isRetryable: isRetryable, now: $2)
                {
                    $1.append(.grant(waiter, id, reused: reused))
                } else {
                    $0.lease(waiter, request, now: $2, into: &$1)
                }
            },
            { $0.lease(waiter, request, now: $1) })
    }

    private mutating func cancel() {
        guard !waiting.isEmpty else { return }
        let waiter = waiting.remove(at: choices.pick(waiting.count))
        clients[waiter] = nil
        note("cancel \(waiter)")
        both({ $0.cancel(waiter, now: $2, into: &$1) }, { $0.cancel(waiter, now: $1) })
    }

    private mutating func endDial() {
        guard !dialing.isEmpty else { return }
        let id = dialing.remove(at: choices.pick(dialing.count))
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        if dialsSucceed != choices.chance(1, in: 16) {
            note("dialSucceeded \(id)")
            idle.append(id)
            both({ $0.dialSucceeded(id, now: $2, into: &$1) }, { $0.dialSucceeded(serial, now: $1) })
        } else if choices.chance(1, in: 3) {
            note("dialFoundNoPort \(id)")
            gone(id)
            both({ $0.dialFoundNoPort(id, now: $2, into: &$1) }, { $0.dialFoundNoPort(serial, now: $1) })
        } else {
            note("dialFailed \(id)")
            gone(id)
            both({ $0.dialFailed(id, now: $2, into: &$1) }, { $0.dialFailed(serial, now: $1) })
        }
    }

    private mutating func release() {
        guard !leases.isEmpty else { return }
        let id = leases.remove(at: choices.pick(leases.count))
        // Responses come in the order of their requests.
        if holders[id]?.isEmpty == false { holders[id]?.removeFirst() }
        let disposition = disposition()
        if case .reusable = disposition { unproven.remove(id) }
        note("release \(id) \(disposition)")
        guard let serial = serials[id] else {
            // Its socket went first.
            both({ $0.release(id, disposition, now: $2, into: &$1) }, { _, _ in })
            return
        }
        if !leases.contains(id), !closing.contains(id) { idle.append(id) }
        both({ $0.release(id, disposition, now: $2, into: &$1) }, { $0.release(serial, disposition, now: $1) })
    }

    /// Some as wide as others, half of which do not suffer from idleness.
    private mutating func window() -> SendWindow {
        SendWindow(
            segments: UInt32(choices.pick(4)) * 20,
            timeout: choices.chance(1, in: 2) ? 0 : 200 + UInt32(choices.pick(4)) * 400,
            silence: UInt32(choices.pick(500)))
    }

    private mutating func disposition() -> Disposition {
        if choices.chance(1, in: 8) { return .mustClose(.originConnectionClose) }
        if choices.chance(1, in: 16) { return .unused }
        var hint: KeepAliveHint?
        if choices.chance(1, in: 4) {
            hint = KeepAliveHint()
            if choices.chance(3, in: 4) { hint?.timeout = .seconds(Int64(choices.pick(8)) * 16 / 15) }
            if choices.chance(1, in: 3) { hint?.max = choices.pick(5) }
        }
        return .reusable(hint, window: window(), lag: .milliseconds(Int64(choices.pick(4)) * 500))
    }

    private mutating func closed() {
        guard !closing.isEmpty else { return }
        let id = closing.remove(at: choices.pick(closing.count))
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        let portIsFree = choices.chance(1, in: 2)
        note("closed \(id) portIsFree: \(portIsFree)")
        gone(id)
        both(
            { $0.closed(id, portIsFree: portIsFree, now: $2, into: &$1) },
            { $0.closed(serial, portIsFree: portIsFree, now: $1) })
    }

    /// A socket fails: mostly an idle one, or a leased or dialing one.
    private mutating func loseConnection() {
        guard let id = anyLive() else { return }
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        note("lost \(id)")
        gone(id)
        idle.removeAll { $0 == id }
        dialing.removeAll { $0 == id }
        both({ $0.closed(id, now: $2, into: &$1) }, { $0.closed(serial, now: $1) })
    }

    /// A leased one ends before its answer; mostly its leases are released then, as a driver does.
    private mutating func loseLeased() {
        guard !leases.isEmpty else { return }
        let id = leases[choices.pick(leases.count)]
        guard let serial = serials[id] else { return }
        note("lost without notice \(id)")
        var distrusted = 0
        var same = 0
        let idleThen = idle.filter { owners[$0] == nil }
        both(
            { distrusted = $0.lostWithoutNotice(id, now: $2, into: &$1) },
            { same = $0.lostWithoutNotice(serial, now: $1) })
        if distrusted > 0 { unproven.formUnion(idleThen) }
        if distrusted != same { fail("\(distrusted) are distrusted, the model \(same)") }
        if choices.chance(3, in: 4) { releaseLost(id, serial) }
    }

    /// The address of some idle ones leaves, or comes back.
    private mutating func moveAddress() {
        let returns = choices.chance(1, in: 2)
        for id in idle where owners[id] == nil && choices.chance(1, in: 2) {
            guard let serial = serials[id] else { continue }
            note(returns ? "restore \(id)" : "withdraw \(id)")
            let wait = Interval.milliseconds(Int64(choices.pick(100)) * 100)
            if returns {
                both({ $0.restore(id, now: $2, into: &$1) }, { $0.restore(serial, now: $1) })
            } else {
                both(
                    { $0.withdraw(id, until: $2 + wait, now: $2, into: &$1) },
                    { $0.withdraw(serial, until: $1 + wait, now: $1) })
            }
        }
    }

    private mutating func releaseLost(_ id: ConnectionID, _ serial: Int) {
        while failure == nil, let place = leases.firstIndex(of: id) {
            leases.remove(at: place)
            let disposition = Disposition.mustClose(.originClosedMidResponse)
            note("release \(id) \(disposition)")
            if !leases.contains(id), !closing.contains(id) { idle.append(id) }
            both({ $0.release(id, disposition, now: $2, into: &$1) }, { $0.release(serial, disposition, now: $1) })
        }
    }

    private mutating func noteClosing() {
        guard let id = anyLive() else { return }
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        note("noteClosing \(id)")
        idle.removeAll { $0 == id }
        dialing.removeAll { $0 == id }
        closing.append(id)
        both({ $0.noteClosing(id, now: $2, into: &$1) }, { $0.noteClosing(serial, now: $1) })
    }

    private mutating func anyLive() -> ConnectionID? {
        let live =
            switch choices.pick(4) {
            case 0: dialing
            case 1: leases.filter { serials[$0] != nil && !closing.contains($0) }
            default: idle
            }
        return live.isEmpty ? nil : live[choices.pick(live.count)]
    }

    /// Late events of connections that are gone: legal, and without effect.
    private mutating func noise() {
        guard !dead.isEmpty else { return }
        let id = dead[choices.pick(dead.count)]
        let kind = choices.pick(6)
        note("late \(kind) \(id)")
        let stranger = WaiterID(slot: .max, generation: 0)
        both(
            { pool, actions, now in
                switch kind {
                case 0: pool.closed(id, now: now, into: &actions)
                case 1: pool.dialSucceeded(id, now: now, into: &actions)
                case 2: pool.dialFailed(id, now: now, into: &actions)
                case 3: pool.noteClosing(id, now: now, into: &actions)
                case 4: pool.close(id, .killed, now: now, into: &actions)
                default: pool.cancel(stranger, now: now, into: &actions)
                }
            }, { _, _ in })
    }

    mutating func gone(_ id: ConnectionID) {
        tunnelDials[id] = nil
        tunnels.removeAll { $0 == id }
        serials[id] = nil
        owners[id] = nil
        holders[id] = nil
        unproven.remove(id)
        parkedOnes.remove(id)
        if dead.count > 32 { dead.removeFirst(16) }
        dead.append(id)
    }

    private mutating func apply() {
        let policy = Self.policy(&choices)
        note("apply \(policy)")
        both({ $0.apply(policy, now: $2, into: &$1) }, { $0.apply(policy, now: $1) })
    }

    private mutating func pressure() {
        let count = choices.pick(4)
        note("shedIdle \(count)")
        var shed = 0
        var same = 0
        both(
            { shed = $0.shedIdle(count, .fdPressure, now: $2, into: &$1) },
            { same = $0.shedIdle(count, .fdPressure, now: $1) })
        if shed != same { fail("shed \(shed), the model \(same)") }
    }

    /// Other origins take, give back or wait for room, or the limit changes; the driver tells the pool that room may have come.
    private mutating func changeOthers() {
        switch choices.pick(6) {
        case 0: if total.tryTake() { model.takenByOthers += 1 }
        case 1, 2:
            if model.takenByOthers > 0 {
                total.giveBack()
                model.takenByOthers -= 1
            }
        case 3:
            othersClaim = choices.chance(1, in: 4) ? .zero : time.now + .milliseconds(Int64(choices.pick(40)) * 50)
            claimRoom()
        case 4:
            othersClaim = .distantFuture
            claimRoom()
        default:
            total.limit = 1 + choices.pick(10)
            model.totalLimit = total.limit
        }
        note("budgetFreed")
        both({ $0.budgetFreed(now: $2, into: &$1) }, { $0.budgetFreed(now: $1) })
    }

    /// The client of a leased connection, the first of those that share it, logs in on it.
    private mutating func pin() {
        let held = leases.filter { serials[$0] != nil && !closing.contains($0) }
        guard !held.isEmpty else { return }
        let id = held[choices.pick(held.count)]
        guard let serial = serials[id], let client = holders[id]?.first else {
            return fail("\(id) is leased and has no holder")
        }
        let isLoggingIn = choices.chance(1, in: 2)
        note("pin \(id) to \(client) isLoggingIn: \(isLoggingIn)")
        if holders[id]?.count == 1, owners[id] == nil { owners[id] = client }
        both(
            { pool, _, _ in pool.pin(id, to: client, isLoggingIn: isLoggingIn) },
            { model, _ in model.pin(serial, client, isLoggingIn: isLoggingIn) })
        if pool.isPinned(to: client)
            != model.connections.contains(where: { $0.owner == client && $0.closeReason == nil })
        {
            fail("pinned to \(client) is \(pool.isPinned(to: client))")
        }
    }

    private mutating func endPins() {
        let client = ClientID(rawValue: UInt64(choices.pick(4)))
        note("endPins \(client)")
        both({ $0.endPins(of: client, now: $2, into: &$1) }, { $0.endPins(client, now: $1) })
    }

    private mutating func prewarm() {
        let count = choices.pick(5)
        note("prewarm \(count)")
        var begun = 0
        var same = 0
        both({ begun = $0.prewarm(count, now: $2, into: &$1) }, { same = $0.prewarm(count, now: $1) })
        if begun != same { fail("prewarm began \(begun), the model \(same)") }
    }

    /// Now and then one that has no effect: paused already, or not at all.
    private mutating func pauseOrResume() {
        if model.isPaused != choices.chance(1, in: 8) {
            note("resume")
            both({ $0.resume(now: $2, into: &$1) }, { $0.resume(now: $1) })
        } else {
            note("pause")
            both({ $0.pause(now: $2, into: &$1) }, { model, _ in model.pause() })
        }
    }

    /// An operator ends one connection, perhaps one that is ending already.
    private mutating func closeOne() {
        guard let id = choices.chance(1, in: 8) ? closing.first : anyLive() else { return }
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        note("close \(id)")
        both({ $0.close(id, .killed, now: $2, into: &$1) }, { $0.close(serial, .killed, now: $1) })
    }

    private mutating func endAll() {
        if choices.chance(1, in: 64) {
            note("shutdown")
            both({ $0.shutdown(now: $2, into: &$1) }, { $0.shutdown(now: $1) })
        } else if choices.chance(1, in: 4) {
            note("drain")
            let reason: CloseReason = choices.chance(1, in: 2) ? .dnsDrain : .settingsChanged
            var affected = 0
            var same = 0
            both(
                { affected = $0.drain(reason, now: $2, into: &$1) }, { same = $0.drain(reason, now: $1) })
            if affected != same { fail("a drain affects \(affected), the model \(same)") }
        }
    }

    /// Small limits: what happens at a limit is what goes wrong.
    static func policy(_ choices: inout Choices) -> PoolPolicy {
        var policy = PoolPolicy()
        policy.maxConnections = 1 + choices.pick(6)
        policy.maxIdle = choices.pick(7)
        policy.minIdle = max(0, choices.pick(6) - 3)
        policy.maxRequestsPerConnection = choices.pick(3) == 0 ? 1 + choices.pick(4) : 0
        policy.maxLifetime = .seconds(Int64(1 + choices.pick(60)))
        policy.lifetimeJitterPercent = choices.pick(3) * 25
        policy.idleTimeout = choices.pick(2) == 0 ? .auto : .fixed(.milliseconds(Int64(100 + choices.pick(64) * 100)))
        policy.keepAliveMargin = .milliseconds(Int64(choices.pick(4)) * 500)
        policy.reuseOrder = [.lifo, .fifo, .widest][choices.pick(3)]
        policy.maxQueue = choices.pick(8)
        policy.queueTimeout = .milliseconds(Int64(choices.pick(5)) * 700)
        policy.pipelineDepth = choices.pick(2) == 0 ? 1 : 2 + choices.pick(3)
        policy.maxTunnels = choices.pick(6)
        return policy
    }
}
