package import ProxyTypes

/// What a pool has counted since it exists: the truth that predictions are compared with. Value.
package struct PoolTotals: Hashable, BitwiseCopyable, Sendable {
    /// Requests that got a connection that had served before, and those that got a new one.
    package var reused: Int64
    package var first: Int64
    package var dials: Int64
    /// Of all connections that were idle, in microseconds.
    package var idleTime: Int64

    package init(reused: Int64 = 0, first: Int64 = 0, dials: Int64 = 0, idleTime: Int64 = 0) {
        self.reused = reused
        self.first = first
        self.dials = dials
        self.idleTime = idleTime
    }

    static func - (a: PoolTotals, b: PoolTotals) -> PoolTotals {
        PoolTotals(
            reused: a.reused - b.reused, first: a.first - b.first, dials: a.dials - b.dials,
            idleTime: a.idleTime - b.idleTime)
    }

    static func += (a: inout PoolTotals, b: PoolTotals) {
        a.reused += b.reused
        a.first += b.first
        a.dials += b.dials
        a.idleTime += b.idleTime
    }

    mutating func halve() {
        self = PoolTotals(reused: reused / 2, first: first / 2, dials: dials / 2, idleTime: idleTime / 2)
    }
}

/// What is recorded of one origin's traffic to answer `WhatIf`: the sketch of arrivals and gaps, the latest requests, and
/// what the pool counted meanwhile. Value; reads no clock.
///
/// `wanted`, `gaveUp` and `ended` come with each request and cost a few dozen instructions; `note` comes now and then.
/// About 34 kB, all of it in place: `RecordedTraffic` allocates it.
package struct TrafficRecord: Sendable {
    private(set) var sketch: GapSketch
    private(set) var recent: RecentRequests
    /// Requests that must not be sent twice.
    private(set) var onceOnly: Int64 = 0
    /// Requests that waited because `max_connections` were busy.
    private(set) var queued: Int64 = 0
    /// Of all requests together: with a connection, or while one was dialled for them.
    private(set) var occupiedTime = Interval.zero
    /// Up to the last `note`.
    private(set) var counted = PoolTotals()
    private var noted: PoolTotals
    /// What the sketch tells of the settings that were in force while it was recorded.
    private(set) var modelled = ModelledTotals()
    /// What was obeyed since has been near it: telling of another one takes two predictions, on the loop that serves requests.
    private var inForce: GapQuestion?
    private var modelledAtChange = ModelledTotals()

    /// What was seen longer ago than this counts half.
    package static let memory = Interval.hours(24)

    /// `idle`: since when connections have been idle, the earliest first.
    package init(_ totals: PoolTotals, idle: [Instant], now: Instant) {
        sketch = GapSketch(idle: idle, now: now)
        recent = RecentRequests(since: now)
        noted = totals
    }

    /// A request wants a connection.
    @inline(__always)
    package mutating func wanted(isRepeatable: Bool, now: Instant) {
        if !isRepeatable { onceOnly &+= 1 }
        sketch.wanted(now: now)
    }

    /// It has got none.
    package mutating func gaveUp(now: Instant) { sketch.released(now: now) }

    /// A request is served. `waited`: because `max_connections` were busy; `occupied`: since then. `isKept`: the origin
    /// lets its connection serve others.
    @inline(__always)
    package mutating func ended(occupied: Interval, waited: Interval, isKept: Bool, now: Instant) {
        if isKept { sketch.released(now: now) } else { sketch.ended() }
        occupiedTime.nanoseconds &+= occupied.nanoseconds
        if waited.nanoseconds > 0 { queued &+= 1 }
        recent.append(occupied: occupied, waited: waited, now: now)
    }

    /// What the pool has counted, and what it obeys from now on. `busy`: connections in use, and requests that wait.
    package mutating func note(_ totals: PoolTotals, busy: Int, inForce question: GapQuestion, now: Instant) {
        sketch.busy = busy
        counted += totals - noted
        noted = totals
        if inForce?.isNear(question) != true {
            if let inForce { modelled += modelled(inForce, now: now) - modelledAtChange }
            inForce = question
            modelledAtChange = modelled(question, now: now)
        }
        if sketch.observed(now: now) > Self.memory { fade(now: now) }
    }

    /// In the whole time, under the settings that were in force.
    func modelledSoFar(now: Instant) -> ModelledTotals {
        guard let inForce else { return modelled }
        var sum = modelled
        sum += modelled(inForce, now: now) - modelledAtChange
        return sum
    }

    private func modelled(_ question: GapQuestion, now: Instant) -> ModelledTotals {
        var question = question
        question.active = active(now: now)
        let prediction = sketch.predict(question, onceShare: onceShare, now: now)
        return ModelledTotals(
            dials: prediction.dials, heldTime: prediction.held * Double(sketch.observed(now: now).microseconds))
    }

    /// Busy connections on average.
    func active(now: Instant) -> Double {
        Double(occupiedTime.nanoseconds) / Double(max(sketch.observed(now: now).nanoseconds, 1))
    }

    var onceShare: Double { Double(onceOnly) / Double(max(sketch.requests, 1)) }

    private mutating func fade(now: Instant) {
        sketch.fade(now: now)
        onceOnly /= 2
        queued /= 2
        occupiedTime.nanoseconds /= 2
        counted.halve()
        modelled.halve()
        modelledAtChange.halve()
    }

    /// Adds what another loop saw of the same origin in the same time.
    package mutating func merge(_ other: TrafficRecord, now: Instant) {
        modelled = modelledSoFar(now: now)
        modelled += other.modelledSoFar(now: now)
        inForce = nil
        sketch.merge(other.sketch)
        recent.merge(other.recent)
        onceOnly += other.onceOnly
        queued += other.queued
        occupiedTime = occupiedTime + other.occupiedTime
        counted += other.counted
    }
}

/// What a pool would have done by now, as far as the sketch tells. Value.
struct ModelledTotals: Hashable, BitwiseCopyable, Sendable {
    var dials = 0.0
    /// In microseconds.
    var heldTime = 0.0

    static func - (a: ModelledTotals, b: ModelledTotals) -> ModelledTotals {
        ModelledTotals(dials: a.dials - b.dials, heldTime: a.heldTime - b.heldTime)
    }

    static func += (a: inout ModelledTotals, b: ModelledTotals) {
        a.dials += b.dials
        a.heldTime += b.heldTime
    }

    mutating func halve() { self = ModelledTotals(dials: dials / 2, heldTime: heldTime / 2) }
}

/// A record of its own memory, which is changed in place. Loop-bound.
package struct RecordedTraffic: ~Copyable {
    private let memory: UnsafeMutablePointer<TrafficRecord>

    package init(_ record: TrafficRecord) {
        memory = .allocate(capacity: 1)
        memory.initialize(to: record)
    }

    deinit {
        memory.deinitialize(count: 1)
        memory.deallocate()
    }

    package var record: TrafficRecord { memory.pointee }
    /// The end of the latest request, or the beginning of the record.
    package var lastRequest: Instant { memory.pointee.recent.last }

    /// As in `TrafficRecord`, here and below.
    package func wanted(isRepeatable: Bool, now: Instant) {
        memory.pointee.wanted(isRepeatable: isRepeatable, now: now)
    }

    package func gaveUp(now: Instant) { memory.pointee.gaveUp(now: now) }

    package func ended(occupied: Interval, waited: Interval, isKept: Bool, now: Instant) {
        memory.pointee.ended(occupied: occupied, waited: waited, isKept: isKept, now: now)
    }

    package func note(_ totals: PoolTotals, busy: Int, inForce question: GapQuestion, now: Instant) {
        memory.pointee.note(totals, busy: busy, inForce: question, now: now)
    }
}
