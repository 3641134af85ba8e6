package import ProxyTypes
package import Reactor

/// A byte stream that is encrypted over another one: its handler sees plain bytes, and whether the peer announced the end.
/// Loop-bound.
///
/// What one read of the stream below brings is decrypted at once and handed on in one piece. So no plain bytes wait here, and
/// a pause only has to pause the stream below. What is written goes to the stream below at once too, except while libssl
/// writes nothing.
package final class TLSStream: ByteStream {
    package var handler: (any StreamHandler)?
    let library: TLSLoop
    let below: any ByteStream
    var state: State
    private var input: Input
    private var reading = Reading.on
    var output = Output.open
    /// What was written while output is held.
    var held = ByteQueue()
    private let side: Side
    /// What libssl has written of its own accord, such as answers to key updates, since the peer last took everything.
    private var ownOutput = 0
    private let timer = Deadline()

    enum Side {
        /// Of an origin, which may bring sessions for later connections.
        case client(SessionDelivery)
        /// The peer is a client, which may send when it likes.
        case server
    }

    enum State {
        case open(any TLSEngine)
        /// Nothing is sent any more. The failure is told after all that was read before.
        case broken(TLSFailure)
        case closed
    }

    /// ```
    ///   open ──▶ ending ──▶ ended
    /// ```
    private enum Input: Equatable {
        case open
        /// Not told yet.
        case ending(End)
        case ended(End)
    }

    private enum End: Equatable {
        case closeNotify
        /// The stream below has ended, and the peer did not say that it would.
        case unannounced
        /// The stream below is closed.
        case closed(StreamEnd)
    }

    private enum Reading {
        case on, paused
        /// What comes is not handed on: `bytes` counts what was for the handler.
        case withheld(bytes: Int)
    }

    private static let maxOwnOutput = 64 * 1024

    init(_ engine: any TLSEngine, _ side: Side, _ library: TLSLoop) {
        self.library = library
        self.side = side
        below = engine.below
        state = .open(engine)
        switch side {
        case .client: input = below.inputHasEnded ? .ending(.unannounced) : .open
        case .server: input = .open
        }
        timer.owner = self
        below.handler = self
        if input != .open { tellLater() }
    }

    /// What came behind the client's handshake, perhaps its end too. Called from the loop, once the stream has its handler.
    func begin(with rest: UnsafeRawBufferPointer) {
        if !rest.isEmpty { received(rest) }
        if isOpen, below.inputHasEnded { inputEnded() }
    }

    deinit {
        timer.owner = nil
    }

    package var isOpen: Bool {
        switch state {
        case .open, .broken: true
        case .closed: false
        }
    }

    package var isWritable: Bool { held.isEmpty && below.isWritable }
    package var unsentBytes: Int { held.count + below.unsentBytes }
    package var outputIsShut: Bool { below.outputIsShut }

    var inputIsOpen: Bool { input == .open }

    package var inputHasEnded: Bool {
        switch input {
        case .ended: true
        case .open, .ending: false
        }
    }

    package var inputEndIsUnproven: Bool {
        switch input {
        case .ending(.unannounced), .ended(.unannounced): true
        case .open, .ending, .ended: false
        }
    }

    package var hangupSeen: Bool { input != .open || below.hangupSeen }

    package var tellsResetWhilePaused: Bool {
        get { below.tellsResetWhilePaused }
        set { below.tellsResetWhilePaused = newValue }
    }

    package var readLimit: Int {
        get { below.readLimit }
        set { below.readLimit = newValue }
    }

    package var localEndpoint: Endpoint? { below.localEndpoint }
    package var remoteEndpoint: Endpoint? { below.remoteEndpoint }
    package var tcpInfo: TCPInfo? { below.tcpInfo }
    package var socketFacts: SocketFacts? { below.socketFacts }
    package func setUserTimeout(_ milliseconds: CInt) -> CInt { below.setUserTimeout(milliseconds) }
    package var isAcknowledged: Bool { below.isAcknowledged }

    // MARK: Reading

    package func pauseReading() {
        reading = .paused
        below.pauseReading()
    }

    package func resumeReading() {
        guard case .paused = reading else { return }
        reading = .on
        below.resumeReading()
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.endWhilePausedNotTold) { return }
        #endif
        if case .ending = input { tellLater() }
    }

    package func readPending(into room: UnsafeMutableRawBufferPointer) {
        below.readPending(into: room)
    }

    /// A late session or new keys are not for the handler. Anything else that has come breaks the stream: to look at it is to
    /// decrypt it, and nothing takes it.
    package var isSilent: Bool {
        guard case .open = state, case .open = input, case .open = output, !below.hangupSeen else { return false }
        if below.isSilent { return true }
        guard case .client = side else { return false }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.lateTicketIsNoise) { return false }
        #endif
        guard case .on = reading else { return false }
        reading = .withheld(bytes: 0)
        below.readPending(into: library.askedInput)
        guard case .withheld(let bytes) = reading else { return false }
        reading = .on
        if bytes > 0 { breakDown(TLSFailure(.malformed, "the origin sent data that nothing had asked for")) }
        guard case .open = input else {
            tellLater()
            return false
        }
        // An end may stand behind what was read.
        return below.isSilent
    }

    private var plainBuffer: UnsafeMutableRawBufferPointer {
        switch reading {
        case .on, .paused: library.plainBuffer
        case .withheld: library.askedPlain
        }
    }

    private func decrypt(_ engine: any TLSEngine, _ bytes: UnsafeRawBufferPointer) {
        let room = plainBuffer
        let unsentBefore = below.unsentBytes
        let filled = engine.feed(bytes) { () -> Int in
            var filled = 0
            while filled < room.count {
                switch engine.read(into: UnsafeMutableRawBufferPointer(rebasing: room[filled...])) {
                case .bytes(let count): filled += count
                case .wantsInput: return filled
                case .closeNotify:
                    input = .ending(.closeNotify)
                    return filled
                case .failed(let failure):
                    state = .broken(failure)
                    input = .ending(.closed(.tls(failure)))
                    return filled
                }
            }
            Invariant.broken("more was decrypted than one read can bring")
            return filled
        }
        ownOutput += max(0, below.unsentBytes - unsentBefore)
        if ownOutput > Self.maxOwnOutput {
            let text = "the peer asks for key updates without end and takes no answer"
            let failure = TLSFailure(.malformed, text)
            state = .broken(failure)
            input = .ending(.closed(.tls(failure)))
        }
        if case .client(let delivery) = side { delivery.deliver(engine.takeNewSessions()) }
        pass(UnsafeRawBufferPointer(rebasing: room[..<filled]))
    }

    private func pass(_ bytes: UnsafeRawBufferPointer) {
        switch reading {
        case .withheld(let before): reading = .withheld(bytes: before + bytes.count)
        case .on, .paused:
            if !bytes.isEmpty {
                endDelivery()
                handler?.received(bytes)
            }
            if case .on = reading { tellEnd() }
            writeHeld()
        }
    }

    private func endDelivery() {
        if case .client(let delivery) = side { delivery.end() }
    }

    // MARK: Ends

    /// Called from the loop.
    private func tellEnd() {
        guard case .ending(let end) = input, isOpen else { return }
        input = .ended(end)
        switch end {
        case .closeNotify, .unannounced: handler?.inputEnded()
        case .closed(let cause):
            let handler = handler
            close()
            handler?.closed(cause)
        }
    }

    private func tellLater() {
        library.reactor.timer.wake(timer, at: library.reactor.now)
    }

    /// Found while writing: told later, and behind what is still to be read.
    func breakDown(_ failure: TLSFailure) {
        state = .broken(failure)
        if case .open = input { input = .ending(.closed(.tls(failure))) }
        tellLater()
    }

    package func close() {
        let wasOpen = isOpen
        state = .closed
        guard wasOpen else { return }
        endDelivery()
        library.reactor.timer.remove(timer)
        handler = nil
        held.clear(keeping: 0)
        below.close()
    }

    package func closeAfterOutput() -> Bool {
        switch (state, output) {
        case (.open, .held):
            output = .held(then: .close)
            return false
        case (.open(let engine), .open):
            output = .ended
            engine.sendCloseNotify()
        case (.open, .ended), (.broken, _), (.closed, _): break
        }
        guard below.closeAfterOutput() else { return false }
        close()
        return true
    }

    package func reset() {
        below.reset()
        close()
    }
}

// MARK: What comes from below

extension TLSStream: StreamHandler {
    /// It was before the handshake.
    package func connected() {}

    package func received(_ bytes: UnsafeRawBufferPointer) {
        guard case .open(let engine) = state, case .open = input else { return }
        decrypt(engine, bytes)
    }

    package func inputEnded() {
        guard case .open = input else { return }
        input = .ending(.unannounced)
        guard case .on = reading else { return }
        tellEnd()
        dropHeld()
    }

    package func closed(_ cause: StreamEnd) {
        switch input {
        case .open, .ending(.closeNotify), .ending(.unannounced), .ended:
            input = .ending(.closed(cause))
        case .ending(.closed): break
        }
        switch reading {
        // While paused, the stream below tells this only if `tellsResetWhilePaused`.
        case .on, .paused: tellEnd()
        case .withheld: break
        }
    }

    package func outputDrained() {
        ownOutput = 0
        if held.isEmpty { handler?.outputDrained() }
    }
}

extension TLSStream: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        if case .on = reading { tellEnd() }
        return .distantFuture
    }
}
