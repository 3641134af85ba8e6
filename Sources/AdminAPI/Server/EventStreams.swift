import AdminModels
import NIOCore
import Synchronization

/// The open event streams. Their number is limited, and they end with the server. Shared.
final class EventStreams: Sendable {
    static let mediaType = "text/event-stream"
    static let limit = 16
    /// Events buffered for a slow reader; a reader that falls further behind is disconnected.
    static let backlog = 2500

    typealias Frames = AsyncStream<ByteBuffer>

    struct ReaderTooSlow: Error {}

    let heartbeat: Duration
    private let state = Mutex(State())

    private struct State {
        var open: [UInt64: Frames.Continuation] = [:]
        var next: UInt64 = 0
        var isStopped = false
    }

    init(heartbeat: Duration) {
        self.heartbeat = heartbeat
    }

    /// Nil if there are too many streams, or the server is stopping.
    func open() -> EventStream? {
        state.withLock { state in
            guard !state.isStopped, state.open.count < Self.limit else { return nil }
            let (frames, continuation) = Frames.makeStream(bufferingPolicy: .bufferingOldest(Self.backlog))
            state.next += 1
            state.open[state.next] = continuation
            return EventStream(id: state.next, frames: frames, continuation: continuation, streams: self)
        }
    }

    func close(_ id: UInt64) {
        state.withLock { $0.open.removeValue(forKey: id) }?.finish()
    }

    func stop() {
        let open = state.withLock { state in
            state.isStopped = true
            return state.open.values.map { $0 }
        }
        for continuation in open { continuation.finish() }
    }

    static func frame(_ event: EventReport) throws -> ByteBuffer {
        var frame = ByteBuffer(string: "id: \(event.id)\nevent: \(event.type)\ndata: ")
        // The encoder writes one line of JSON with a newline at its end.
        var data = try ModelEncoder.encode(event)
        frame.writeBuffer(&data)
        frame.writeString("\n")
        return frame
    }
}

/// One of the event streams; released when the last reference goes. Shared.
final class EventStream: Sendable {
    private let id: UInt64
    private let frames: EventStreams.Frames
    private let continuation: EventStreams.Frames.Continuation
    private let streams: EventStreams

    fileprivate init(
        id: UInt64, frames: EventStreams.Frames, continuation: EventStreams.Frames.Continuation, streams: EventStreams
    ) {
        self.id = id
        self.frames = frames
        self.continuation = continuation
        self.streams = streams
    }

    deinit { streams.close(id) }

    func close() { streams.close(id) }

    /// Runs until the events end, the reader leaves or falls behind, or the server stops.
    func run(_ events: AsyncStream<EventReport>, write: (ByteBuffer) async throws -> Void) async throws {
        try await write(ByteBuffer(string: "retry: 2000\n\n"))
        let continuation = continuation
        let isCut = try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                defer { continuation.finish() }
                for await event in events {
                    guard let frame = try? EventStreams.frame(event) else { continue }
                    if case .dropped = continuation.yield(frame) { return true }
                }
                return false
            }
            group.addTask { [heartbeat = streams.heartbeat] in
                while (try? await Task.sleep(for: heartbeat)) != nil {
                    continuation.yield(ByteBuffer(string: ": \n\n"))
                }
                return false
            }
            for await frame in frames { try await write(frame) }
            group.cancelAll()
            return try await group.contains(true)
        }
        if isCut { throw EventStreams.ReaderTooSlow() }
    }
}
