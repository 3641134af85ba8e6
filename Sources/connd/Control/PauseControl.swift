import Logging
import ProxyTypes
import Store

/// Which origins are paused, by whom, when and why, across restarts. The pools hold back the requests; a pause applies
/// even while it cannot be stored, and is stored when possible. An actor.
actor PauseControl {
    private(set) var current: [Origin: Pause]
    /// Origins whose state is not stored yet.
    private var unsaved: Set<Origin> = []
    private let store: Store
    private let logger: Logger
    /// Serialises orders and writes, so that pools and database agree.
    private let orders = AsyncMutex()
    private let writes = AsyncMutex()

    /// `held`: the pauses that the pools hold since the start.
    init(held: [Origin: Pause], store: Store, logger: Logger) {
        current = held
        self.store = store
        self.logger = logger
    }

    /// `work` pauses or resumes pools and returns what it did, which is then stored. Returns the number of origins.
    func perform(_ work: @Sendable () async -> Order) async -> Int {
        await orders.enter()
        let order = await work()
        record(order)
        do {
            try await save()
        } catch {
            logger.warning(
                "a pause or resume is not saved yet: it will be once the database can be written",
                metadata: ["reason": "\(error)"])
        }
        await orders.leave()
        return order.count
    }

    /// Logs pauses of an earlier run, which operators may have forgotten.
    static func report(_ held: [Pause], _ logger: Logger) {
        for pause in held.sorted(by: { $0.time < $1.time }).prefix(maxReported) {
            logger.notice(
                "the origin is still paused",
                metadata: [
                    "origin": "\(pause.origin)", "actor": "\(pause.actor)", "since": "\(APIFormat.time(pause.time))",
                    "reason": "\(pause.reason ?? "")",
                ])
        }
        guard held.count > maxReported else { return }
        logger.notice("more origins are still paused", metadata: ["count": "\(held.count - maxReported)"])
    }

    private static let maxReported = 20

    enum Order: Sendable {
        /// An earlier pause of an origin stays unless it is replaced.
        case pause([Pause], replacing: Bool)
        case resume([Origin])

        var count: Int {
            switch self {
            case .pause(let pauses, _): pauses.count
            case .resume(let origins): origins.count
            }
        }
    }

    private func record(_ order: Order) {
        switch order {
        case .pause(let pauses, let replacing):
            for pause in pauses where replacing || current[pause.origin] == nil {
                current[pause.origin] = pause
                unsaved.insert(pause.origin)
            }
        case .resume(let origins):
            for origin in origins where current.removeValue(forKey: origin) != nil { unsaved.insert(origin) }
        }
    }

    /// To be called after the database was read again or replaced: returns pauses that the pools do not hold yet, for
    /// the caller to apply. Pauses that it does not contain continue, and are stored there.
    func load(_ stored: [Origin: Pause]) -> [Pause] {
        unsaved.formUnion(current.keys.filter { stored[$0] == nil })
        let late = stored.values.filter { current[$0.origin] == nil && !unsaved.contains($0.origin) }
        for pause in late { current[pause.origin] = pause }
        return late
    }

    /// Writes what is not stored yet.
    func save() async throws(StoreFailure) {
        await writes.enter()
        let origins = unsaved
        guard !origins.isEmpty else { return await writes.leave() }
        unsaved = []
        do throws(StoreFailure) {
            try await store.save(
                pauses: origins.compactMap { current[$0] }, resumed: origins.filter { current[$0] == nil })
        } catch {
            unsaved.formUnion(origins)
            await writes.leave()
            throw error
        }
        await writes.leave()
    }
}
