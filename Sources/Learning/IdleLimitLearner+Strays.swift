/// How strays become limits.
extension IdleLimitLearner {
    /// Places of strays in order of age.
    private typealias Members = InlineVector<8, Int>

    mutating func noteStray(_ stray: Stray) {
        guard var burst, burst.includes(stray.at) else {
            burst = Burst(stray)
            return add(stray)
        }
        let leader = burst.leader
        let isFirstUnlike = burst.add(stray.age)
        self.burst = burst
        if isFirstUnlike {
            restarts = min(restarts + 1, Int(UInt16.max))
            strays.removeAll { $0.leadsBurst }
        } else if burst.isMixed {
            return
        } else if stray.at - leader.at >= max(LearningRules.instant, abs(stray.age - leader.age) / 250) {
            // Another one after the same idle time, though it began at another moment: a timer's work.
            add(stray)
        } else if stray.age < leader.age {
            lead(age: stray.age, lag: stray.lag)
        }
    }

    /// The burst's leader has this age instead.
    private mutating func lead(age: Microseconds, lag: Microseconds) {
        burst?.leader.age = age
        burst?.leader.lag = lag
        for index in strays.indices where strays[index].leadsBurst {
            strays[index].age = age
            strays[index].lag = lag
        }
    }

    private mutating func add(_ stray: Stray) {
        strays.removeAll { !$0.isFresh(stray.at) }
        if strays.count == LearningRules.strays { strays.remove(at: 0) }
        for index in strays.indices { strays[index].leadsBurst = false }
        burst?.leader = stray
        strays.append(stray)
        strays[strays.count - 1].leadsBurst = true
        form(now: stray.at)
    }

    /// Makes a limit where there is one.
    private mutating func form(now: Int64) {
        guard let members = tight({ $0.age }) ?? turned() ?? broad() else { return }
        let count = members.count
        let (first, last) = (strays[members[0]].age, strays[members[count - 1]].age)
        var passed = passed(members)
        guard passed <= 63 * count else { return }
        if last - first > tolerance(last) {
            for index in members.indices.reversed() where strays[members[index]].age == last {
                passed = Int(strays[members[index]].passed)
            }
        }
        let core = strays[members[count / 2]].age
        var (sum, lead): (Microseconds, UInt8) = (0, 0)
        for index in members.indices {
            let age = strays[members[index]].age
            sum += age
            if abs(age - core) <= tolerance(age) >> 1 { lead += 1 }
        }
        let limit = Limit(
            low: first, fresh: first, high: last, mean: sum / Int64(count), core: core, lead: lead,
            share: UInt8(255 * count / (count + passed)), missed: 0, hits: UInt16(count), last: now)
        hazard.explain(count)
        var others = InlineVector<8, Stray>(unused: .unused)
        for index in strays.indices where !members.contains(where: { $0 == index }) {
            if !explains(limit, strays[index].age) { others.append(strays[index]) }
        }
        strays = others
        insert(limit)
        if limit.isTerminal { ladder.forget(above: edge(limit)) }
    }

    /// At least three ages within the tolerance: the most, of these the closest together.
    private func tight(_ age: (Stray) -> Microseconds) -> Members? {
        let ordered = ordered(by: age)
        var best: (first: Int, count: Int, width: Microseconds)?
        var first = 0
        for last in ordered.indices {
            let highest = age(strays[ordered[last]])
            while highest - age(strays[ordered[first]]) > tolerance(highest) { first += 1 }
            let (count, width) = (last - first + 1, highest - age(strays[ordered[first]]))
            guard count >= LearningRules.closesToLearn else { continue }
            if let best, count < best.count || count == best.count && width >= best.width { continue }
            best = (first, count, width)
        }
        return best.map { slice(ordered, $0.first, $0.count) }
    }

    /// Where ages agree far better when they count from the other end of the last exchange: they do so from now on.
    private mutating func turned() -> Members? {
        let sign: Int64 = countsFromRequest ? -1 : 1
        func other(_ stray: Stray) -> Microseconds { stray.age + sign * stray.lag }
        guard let members = tight(other) else { return nil }
        var (low, high) = (Microseconds.max, Microseconds.min)
        for index in members.indices {
            low = min(low, strays[members[index]].age)
            high = max(high, strays[members[index]].age)
        }
        let width = other(strays[members[members.count - 1]]) - other(strays[members[0]])
        let millisecond = LearningRules.millisecond
        guard width <= 5 * millisecond + 2 * variation, high - low >= 8 * width + 50 * millisecond else { return nil }
        countsFromRequest.toggle()
        for index in strays.indices {
            strays[index].age = max(other(strays[index]), 0)
            strays[index].passed = 0
            if strays[index].leadsBurst { burst?.leader.age = strays[index].age }
        }
        limits.removeAll()
        ladder = SurvivalLadder()
        return members
    }

    /// At least six within a factor of 2.25 that few outlived: an origin that looks at its timers now and then.
    private func broad() -> Members? {
        let ordered = ordered { $0.age }
        var best: Members?
        for first in ordered.indices {
            var last = first
            while last + 1 < ordered.count, 4 * strays[ordered[last + 1]].age <= 9 * strays[ordered[first]].age {
                last += 1
            }
            let count = last - first + 1
            guard count >= LearningRules.closesToLearnRange, count > best?.count ?? 0 else { continue }
            let members = slice(ordered, first, count)
            guard 2 * passed(members) <= count else { continue }
            // A limit above that was met in the meantime says that connections outlive this range.
            let (top, met) = (strays[ordered[last]].age, secondLatest(members))
            if !limits.contains(where: { $0.low > top && $0.last >= met }) { best = members }
        }
        return best
    }

    /// How many connections outlived these closes: all of a tight group, the upper third of a broad one.
    private func passed(_ members: Members) -> Int {
        let (low, high) = (strays[members[0]].age, strays[members[members.count - 1]].age)
        let isTight = high - low <= tolerance(high)
        let first = isTight ? 0 : members.count - (members.count + 2) / 3
        var most = 0
        for index in first..<members.count { most = max(most, Int(strays[members[index]].passed)) }
        return most
    }

    private func secondLatest(_ members: Members) -> Int64 {
        var (latest, second) = (Int64.min, Int64.min)
        for index in members.indices {
            let at = strays[members[index]].at
            second = max(second, min(latest, at))
            latest = max(latest, at)
        }
        return second
    }

    private func ordered(by age: (Stray) -> Microseconds) -> Members {
        var places = Members(unused: 0)
        for index in strays.indices { places.append(index) }
        places.sort { age(strays[$0]) < age(strays[$1]) }
        return places
    }

    private func slice(_ places: Members, _ first: Int, _ count: Int) -> Members {
        var part = Members(unused: 0)
        for index in first..<first + count { part.append(places[index]) }
        return part
    }
}
