import Logging
import Store
import Synchronization

/// Passes the store's events to the control plane. It is created after the store: events from before are kept for it.
/// Shared.
final class StoreEventRelay: Sendable {
    private struct State {
        var control: ControlPlane?
        var early: [StoreEvent] = []
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(_ logger: Logger) {
        self.logger = logger
    }

    func relay(_ event: StoreEvent) {
        let control = state.withLock { state in
            if state.control == nil { state.early.append(event) }
            return state.control
        }
        control?.received(event, logger: logger)
    }

    func attach(_ control: ControlPlane) {
        let events = state.withLock { state in
            state.control = control
            defer { state.early = [] }
            return state.early
        }
        for event in events { control.received(event, logger: logger) }
    }
}
