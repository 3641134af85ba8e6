import Logging
import ProxyTypes
import Store

/// Knows which origins are paused, by whom, when and why, and keeps it over restarts. The pools hold the requests back;
/// a pause holds though it cannot be kept yet, and is kept when it can be. An actor.
actor PauseControl {
    private(set) var current: [Origin: Pause]
    /// Whose state the database does not have yet.
    private var unkept: Set<Origin> = []
    private let store: Store
    private let logger: Logger
    /// One order or one write at a time, so that pools and database come to the same end.
    private let orders = SerialGate()
    private let writes = SerialGate()

    /// `held`: what the pools hold since the start.
    init(held: [Origin: Pause], store: Store, logger: Logger) {
        current = held
        self.store = store
        self.logger = logger
    }

    /// `work` tells the pools, and returns what it paused or resumed. Returns how many that are.
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

    /// What an operator has perhaps forgotten.
    static func tell(_ held: [Pause], _ logger: Logger) {
        for pause in held.sorted(by: { $0.time < $1.time }).prefix(told) {
            logger.notice(
                "the origin is still paused",
                metadata: [
                    "origin": "\(pause.origin)", "actor": "\(pause.actor)", "since": "\(Texts.time(pause.time))",
                    "reason": "\(pause.reason ?? "")",
                ])
        }
        guard held.count > told else { return }
        logger.notice("more origins are still paused", metadata: ["count": "\(held.count - told)"])
    }

    private static let told = 20

    enum Order: Sendable {
        /// The earlier pause of an origin stays where it is not replaced.
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

    /// Of a database that was read or replaced meanwhile: returns those that the pools do not hold yet, for the caller to
    /// have them held. What is held and not in there goes on, and is kept there.
    func load(_ kept: [Origin: Pause]) -> [Pause] {
        unkept.formUnion(current.keys.filter { kept[$0] == nil })
        let late = kept.values.filter { current[$0.origin] == nil && !unkept.contains($0.origin) }
        for pause in late { current[pause.origin] = pause }
        return late
    }

    /// Writes what the database does not have yet.
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
