import Logging
import Store
import Synchronization

/// Passes what the store tells on to the control plane, which is made after it; until then to the log. Shared.
final class StoreEventRelay: Sendable {
    private let control = Mutex<ControlPlane?>(nil)
    private let early = Mutex<[StoreEvent]>([])
    private let logger: Logger

    init(_ logger: Logger) {
        self.logger = logger
    }

    func relay(_ event: StoreEvent) {
        guard let control = control.withLock({ $0 }) else { return early.withLock { $0.append(event) } }
        control.received(event, logger: logger)
    }

    func attach(_ plane: ControlPlane) {
        control.withLock { $0 = plane }
        let events = early.withLock { held in
            defer { held = [] }
            return held
        }
        for event in events { plane.received(event, logger: logger) }
    }
}
