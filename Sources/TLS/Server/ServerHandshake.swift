import ProxyTypes
import Reactor

/// The server's side of one handshake with a client, whose ClientHello has come. Loop-bound.
///
/// ```
/// talking ◀──▶ waitingForTurn      failed: told by the timer
///    │              │
///    └──────────────┴─▶ ended: done, failed and told, or cancelled
/// ```
final class ServerHandshake: TLSServerHandshake {
    typealias Completion = (Result<TLSConnection, ClientTLSFailure>) -> Void

    private enum State {
        case talking(any TLSEngine)
        /// Others compute in this round of the loop.
        case waitingForTurn(any TLSEngine)
        case failed(ClientTLSFailure)
        case ended
    }

    private let library: TLSLoop
    private let stream: any ByteStream
    private let completion: Completion
    private var state = State.ended
    /// What has come and is not processed yet.
    private var input = ByteQueue()
    private let timer = Deadline()

    /// Of one read, and so about as much as comes behind the client's Finished while a step is due: what is left waits in the
    /// kernel. A ClientHello and a second one take less.
    private static let readLimit = 16 * 1024
    private static let maxInput = 64 * 1024
    private let usualReadLimit: Int

    init(_ library: TLSLoop, over stream: any ByteStream, completion: @escaping Completion) {
        self.library = library
        self.stream = stream
        self.completion = completion
        usualReadLimit = stream.readLimit
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func start(_ context: any TLSServerContext, hello: UnsafeRawBufferPointer) {
        stream.handler = self
        stream.readLimit = Self.readLimit
        input.append(hello)
        do {
            wait(for: try context.engine(over: stream))
        } catch {
            fail(.failed(error))
        }
    }

    func cancel() {
        leaveQueue()
        end()
    }

    private func leaveQueue() {
        guard case .waitingForTurn = state else { return }
        library.pacer.cancel(self)
        stream.resumeReading()
    }

    private func end() {
        state = .ended
        stream.readLimit = usualReadLimit
        library.reactor.timer.remove(timer)
    }

    private func fail(_ failure: ClientTLSFailure) {
        leaveQueue()
        state = .failed(failure)
        library.reactor.timer.wake(timer, at: library.reactor.now)
    }

    // MARK: Talking

    /// The first step is never taken from within `start`.
    private func wait(for engine: any TLSEngine) {
        state = .waitingForTurn(engine)
        stream.pauseReading()
        library.pacer.enqueue(self)
    }

    private func advance(_ engine: any TLSEngine) {
        var rest = ByteQueue()
        let step = engine.feed(input.bytes) { () -> TLSHandshakeStep in
            let step = engine.handshake()
            rest.append(engine.unreadInput)
            return step
        }
        input.clear(keeping: 0)
        switch step {
        case .failed(let failure): fail(Self.cause(failure, engine.receivedAlert))
        case .done where stream.isOpen: succeed(engine, rest)
        case .wantsInput where stream.isOpen && !stream.inputHasEnded: break
        case .done, .wantsInput: fail(Self.closed)
        }
    }

    private static var closed: ClientTLSFailure {
        .refused(alert: nil, TLSFailure(.closed, "the client closed the connection during the handshake"))
    }

    private static func cause(_ failure: TLSFailure, _ alert: UInt8?) -> ClientTLSFailure {
        switch (failure.reason, alert) {
        case (.closed, _): .refused(alert: nil, failure)
        // Those about certificates are not the only ones: a program's own check may lead to any.
        case (.alert, let alert?): .refused(alert: alert, failure)
        default: .failed(failure)
        }
    }

    private func succeed(_ engine: any TLSEngine, _ rest: borrowing ByteQueue) {
        let info = engine.info
        end()
        let encrypted = TLSStream(engine, .server, library)
        completion(.success(TLSConnection(stream: encrypted, info: info)))
        // The first request may have come with the end of the handshake.
        encrypted.begin(with: rest.bytes)
    }
}

extension ServerHandshake: StreamHandler {
    func connected() {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard input.count + bytes.count <= Self.maxInput else {
            return fail(.failed(TLSFailure(.malformed, "the client sent more than any handshake needs")))
        }
        input.append(bytes)
        switch state {
        case .talking(let engine):
            if library.pacer.mayStep(self) {
                advance(engine)
            } else {
                state = .waitingForTurn(engine)
                stream.pauseReading()
            }
        case .waitingForTurn, .failed, .ended: break
        }
    }

    func inputEnded() { closed() }

    func closed(_ cause: StreamEnd) { closed() }

    /// What came before the end is processed first: an alert says more than the end behind it.
    private func closed() {
        if case .talking = state { fail(Self.closed) }
    }

    func outputDrained() {}
}

extension ServerHandshake: PacedStep {
    func takeTurn() {
        guard case .waitingForTurn(let engine) = state else { return }
        state = .talking(engine)
        stream.resumeReading()
        advance(engine)
    }
}

extension ServerHandshake: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        if case .failed(let failure) = state {
            end()
            completion(.failure(failure))
        }
        return .distantFuture
    }
}
