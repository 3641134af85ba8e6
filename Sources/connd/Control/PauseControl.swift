import Logging
import ProxyTypes
import Store

/// Which origins are paused, by whom, when and why, across restarts. The pools hold back the requests; a pause applies
/// even while it cannot be stored, and is stored when possible. An actor.
actor PauseControl {
    private(set) var current: [Origin: Pause]
    /// Origins whose state is not stored yet.
    private var unkept: Set<Origin> = []
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

    /// `work` updates the pools and returns the origins that it paused or resumed. Returns their number.
    func order(_ work: @Sendable () async -> Order) async -> Int {
        await orders.enter()
        let order = await work()
        take(order)
        do {
            try await keep()
        } catch {
            logger.warning(
                "a pause or resume is not saved yet: it will be once the database can be written",
                metadata: ["reason": "\(error)"])
        }
        await orders.leave()
        return order.count
    }

    /// Pauses that may have been forgotten.
    static func tell(_ held: [Pause], _ logger: Logger) {
        for pause in held.sorted(by: { $0.time < $1.time }).prefix(told) {
            logger.notice(
                "the origin is still paused",
                metadata: [
                    "origin": "\(pause.origin)", "actor": "\(pause.actor)", "since": "\(APIFormat.time(pause.time))",
                    "reason": "\(pause.reason ?? "")",
                ])
        }
        guard held.count > told else { return }
        logger.notice("more origins are still paused", metadata: ["count": "\(held.count - told)"])
    }

    private static let told = 20

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

    private func take(_ order: Order) {
        switch order {
        case .pause(let pauses, let replacing):
            for pause in pauses where replacing || current[pause.origin] == nil {
                current[pause.origin] = pause
                unkept.insert(pause.origin)
            }
        case .resume(let origins):
            for origin in origins where current.removeValue(forKey: origin) != nil { unkept.insert(origin) }
        }
    }

    /// To be called after the database was read again or replaced: returns pauses that the pools do not hold yet, for
    /// the caller to apply. Pauses that it does not contain continue, and are stored there.
    func load(_ kept: [Origin: Pause]) -> [Pause] {
        unkept.formUnion(current.keys.filter { kept[$0] == nil })
        let late = kept.values.filter { current[$0.origin] == nil && !unkept.contains($0.origin) }
        for pause in late { current[pause.origin] = pause }
        return late
    }

    /// Writes what is not stored yet.
    func keep() async throws(StoreFailure) {
        await writes.enter()
        let origins = unkept
        guard !origins.isEmpty else { return await writes.leave() }
        unkept = []
        do throws(StoreFailure) {
            try await store.keep(
                pauses: origins.compactMap { current[$0] }, resumed: origins.filter { current[$0] == nil })
        } catch {
            unkept.formUnion(origins)
            await writes.leave()
            throw error
        }
        await writes.leave()
    }
}
