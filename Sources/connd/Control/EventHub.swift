import AdminModels
import Reactor
import Synchronization

/// Publishes events to subscribers, and keeps the last ones for those that reconnect. Shared.
final class EventHub: Sendable {
    private struct State {
        var kept: [EventReport] = []
        var nextID: UInt64
        var subscribers: [UInt64: AsyncStream<EventReport>.Continuation] = [:]
        var nextSubscriber: UInt64 = 0
        var isClosed = false
    }

    private let state: Mutex<State>

    private static let maxKept = 1000
    /// A subscriber that is further behind is disconnected.
    private static let maxBehind = 1000

    /// Ids increase across restarts, so that an id of an earlier process is recognised as gone. Random low bits keep
    /// them distinct even if the clock was set back between two starts.
    init() {
        state = Mutex(State(nextID: UInt64(max(SystemClock.wall(), 1)) << 10 | .random(in: 0..<1024)))
    }

    func send(_ type: String, origin: String? = nil, _ message: String) {
        var event = EventReport()
        event.type = type
        event.timeMs = SystemClock.wall()
        event.time = APIFormat.time(event.timeMs)
        event.origin = origin
        event.message = message
        let late = state.withLock { state in
            event.id = state.nextID
            state.nextID += 1
            state.kept.append(event)
            if state.kept.count > Self.maxKept { state.kept.removeFirst() }
            var late: [AsyncStream<EventReport>.Continuation] = []
            for (id, subscriber) in state.subscribers {
                if case .dropped = subscriber.yield(event) {
                    state.subscribers[id] = nil
                    late.append(subscriber)
                }
            }
            return late
        }
        // Not under the lock: finishing calls back, and takes it.
        for subscriber in late { subscriber.finish() }
    }

    func subscribe(after id: UInt64?) -> AsyncStream<EventReport> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: EventReport.self, bufferingPolicy: .bufferingOldest(Self.maxBehind + Self.maxKept))
        let number = state.withLock { state -> UInt64? in
            guard !state.isClosed else {
                continuation.finish()
                return nil
            }
            if let id {
                let first = state.kept.first?.id ?? state.nextID
                let isKnown = id >= first - 1 && id < state.nextID
                if !isKnown { continuation.yield(Self.reset(before: state.kept.first?.id ?? state.nextID)) }
                for event in state.kept where !isKnown || event.id > id { continuation.yield(event) }
            }
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        if let number {
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { state in state.subscribers[number] = nil }
            }
        }
        return stream
    }

    func close() {
        let subscribers = state.withLock { state in
            state.isClosed = true
            defer { state.subscribers = [:] }
            return state.subscribers
        }
        for subscriber in subscribers.values { subscriber.finish() }
    }

    private static func reset(before id: UInt64) -> EventReport {
        var event = EventReport()
        event.id = id - 1
        event.type = "reset"
        event.timeMs = SystemClock.wall()
        event.time = APIFormat.time(event.timeMs)
        event.message = "events before this one are gone: read the resources again"
        return event
    }
}
