import ProxyTypes
import Reactor

/// One handshake over a stream: it waits for the context and for a session to resume, and then lets libssl and the peer talk.
/// Loop-bound.
///
/// ```
/// loading ◀─▶ waitingForSession ───▶ talking ◀──▶ waitingForTurn
///    │ no one to wait for  └────────────▲ │               │
///    └────────────────────────────────────┤               │      failed: told by the timer
///                 cancel: from any state to ended ◀── done or failed
/// ```
final class StreamHandshake: TLSHandshake {
    private enum State {
        case loading
        case waitingForSession(ContextCache.Ready, until: Instant)
        case talking(Talk)
        /// Others compute in this round of the loop.
        case waitingForTurn(Talk)
        case failed(TLSFailure)
        case ended
    }

    private struct Talk {
        let engine: any TLSEngine
        let delivery: SessionDelivery
        /// The one that was offered.
        let session: (any TLSSession)?
    }

    private let library: TLSLoop
    private let stream: any ByteStream
    private let peer: TLSPeer
    private let completion: TLSCompletion
    private var state = State.loading
    /// What has come and is not processed yet.
    private var input = ByteQueue()
    private let timer = Deadline()

    /// More than any chain of certificates that libssl takes.
    private static let maxInput = 256 * 1024
    /// Waiting for a session pays for about as long as the full handshake that it saves would take.
    private static let sessionWait = Interval.milliseconds(20)...Interval.seconds(1)
    /// About the CPU time of one, of both ends together.
    private static let fullHandshake = Interval.milliseconds(2)

    init(_ library: TLSLoop, over stream: any ByteStream, with peer: TLSPeer, completion: @escaping TLSCompletion) {
        self.library = library
        self.stream = stream
        self.peer = peer
        self.completion = completion
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func start() {
        stream.handler = self
        findContext()
    }

    private func findContext() {
        let found = library.contexts.find(peer.profile.contextKey) { [weak self] in self?.loaded($0) }
        if let found { loaded(found) }
    }

    func cancel() {
        leaveQueues()
        end()
        stream.close()
    }

    private func end() {
        state = .ended
        library.reactor.timer.remove(timer)
    }

    private func leaveQueues() {
        switch state {
        case .waitingForSession(let ready, _): library.sessions.leave(key(ready), self)
        case .waitingForTurn: library.pacer.cancel(self)
        case .loading, .talking, .failed, .ended: break
        }
    }

    private func fail(_ failure: TLSFailure) {
        leaveQueues()
        if case .talking(let talk) = state, let session = talk.session {
            library.sessions.remove(session, talk.delivery.key)
        }
        state = .failed(failure)
        stream.close()
        library.reactor.timer.wake(timer, at: library.reactor.now)
    }

    private func key(_ ready: ContextCache.Ready) -> SessionCache.Key {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.sessionOutlivesFiles) { return SessionCache.Key(peer: peer, generation: 0) }
        #endif
        return SessionCache.Key(peer: peer, generation: ready.generation)
    }

    // MARK: Before the first byte

    private func loaded(_ result: Result<ContextCache.Ready, TLSFailure>) {
        guard case .loading = state else { return }
        switch result {
        case .success(let ready): enter(ready)
        case .failure(let failure): fail(failure)
        }
    }

    private func enter(_ ready: ContextCache.Ready) {
        let now = library.reactor.now
        switch library.sessions.enter(key(ready), self, now: now, wallClock: library.reactor.wallClock) {
        case .resume(let session): talk(ready, resuming: session)
        case .full: talk(ready, resuming: nil)
        case .wait(let ahead):
            let until = now + sessionWait(behind: ahead)
            state = .waitingForSession(ready, until: until)
            library.reactor.timer.wake(timer, at: until)
        }
    }

    /// A few round trips, as far as the kernel knows them. In a crowd it is longer by the time that those ahead would need
    /// for full handshakes, because this one would have to wait for these as well.
    private func sessionWait(behind ahead: Int) -> Interval {
        let roundTrip = Int64(stream.tcpInfo?.roundTripTime ?? 0)
        let wait = max(Interval(nanoseconds: 4 * 1000 * roundTrip), Self.sessionWait.lowerBound)
        let queue = Interval(nanoseconds: Int64(ahead) * Self.fullHandshake.nanoseconds)
        return min(wait + queue, Self.sessionWait.upperBound)
    }

    private func talk(_ ready: ContextCache.Ready, resuming session: (any TLSSession)?) {
        let delivery = SessionDelivery(library.sessions, key(ready))
        do {
            let engine = try ready.context.engine(over: stream, for: peer, resuming: session)
            step(Talk(engine: engine, delivery: delivery, session: session))
        } catch {
            fail(error)
        }
    }

    // MARK: Talking

    private func step(_ talk: Talk) {
        if library.pacer.mayStep(self) {
            state = .talking(talk)
            advance(talk)
        } else {
            state = .waitingForTurn(talk)
        }
    }

    private func advance(_ talk: Talk) {
        let step = talk.engine.feed(input.bytes) { () -> TLSHandshakeStep in
            let step = talk.engine.handshake()
            guard case .done = step else { return step }
            return finish(talk)
        }
        input.clear(keeping: 0)
        switch step {
        case .failed(let failure): fail(failure)
        // The end may have come while this waited for its turn.
        case .done where stream.isOpen && !stream.inputHasEnded: succeed(talk)
        case .wantsInput where stream.isOpen && !stream.inputHasEnded: break
        case .done, .wantsInput:
            fail(TLSFailure(.closed, "the origin closed the connection during the handshake"))
        }
    }

    /// Only sessions may follow the handshake: nothing was requested yet.
    private func finish(_ talk: Talk) -> TLSHandshakeStep {
        switch talk.engine.read(into: library.plainBuffer) {
        case .wantsInput: break
        case .bytes: return .failed(TLSFailure(.malformed, "the origin sent data before a request"))
        case .closeNotify: return .failed(TLSFailure(.closed, "the origin closed the connection after the handshake"))
        case .failed(let failure): return .failed(failure)
        }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.pinsNotChecked) { return .done }
        #endif
        return talk.engine.checkPins().map { .failed($0) } ?? .done
    }

    private func succeed(_ talk: Talk) {
        let (info, wantsCertificate) = (talk.engine.info, talk.engine.wantsCertificate)
        if let session = talk.session {
            library.sessions.answered(session, talk.delivery.key, isResumed: info.isResumed)
        }
        end()
        let encrypted = TLSStream(talk.engine, .client(talk.delivery), library)
        talk.delivery.deliver(talk.engine.takeNewSessions())
        completion(.success(TLSConnection(stream: encrypted, info: info, wantsCertificate: wantsCertificate)))
    }
}

extension StreamHandshake: StreamHandler {
    /// The stream was connected before the handshake began.
    func connected() {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        guard input.count + bytes.count <= Self.maxInput else {
            return fail(TLSFailure(.malformed, "the origin sent more than any handshake needs"))
        }
        input.append(bytes)
        if case .talking(let talk) = state { step(talk) }
    }

    func inputEnded() { ended("closed") }

    func closed(_ cause: StreamEnd) { ended("reset") }

    /// What came before the end is processed first: an alert says more than the end behind it.
    private func ended(_ verb: String) {
        switch state {
        case .loading, .waitingForSession, .talking:
            fail(TLSFailure(.closed, "the origin \(verb) the connection during the handshake"))
        case .waitingForTurn, .failed, .ended: break
        }
    }

    func outputDrained() {}
}

extension StreamHandshake: SessionWaiter {
    func mayEnter() {
        guard case .waitingForSession = state else { return }
        // The files may have changed meanwhile.
        state = .loading
        findContext()
    }
}

extension StreamHandshake: PacedStep {
    func takeTurn() {
        guard case .waitingForTurn(let talk) = state else { return }
        state = .talking(talk)
        advance(talk)
    }
}

extension StreamHandshake: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        switch state {
        case .failed(let failure):
            end()
            completion(.failure(failure))
        case .waitingForSession(let ready, let until):
            // An earlier wait, which a session has ended, may have set the timer.
            guard now >= until else { return until }
            library.sessions.stopWaiting(key(ready), self)
            talk(ready, resuming: nil)
        case .loading, .talking, .waitingForTurn, .ended: break
        }
        return .distantFuture
    }
}
