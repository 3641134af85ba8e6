package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// A byte stream over one stream socket, non-blocking and edge-triggered: what is written goes out at once as far as the
/// kernel takes it, and the rest waits here; what comes in is handed on from the reactor's buffer. Loop-bound.
package final class TCPStream: EventSource, ByteStream {
    private unowned let reactor: Reactor
    private let kernel: any Kernel
    package private(set) var descriptor: CInt
    package var handler: (any StreamHandler)?

    private var output = ByteQueue()
    private var inputState: InputState
    /// What the handler wants.
    private var readsAreOn = true
    package private(set) var hangupSeen = false
    package var tellsResetWhilePaused = false
    /// What is read is acknowledged without delay. The kernel forgets this whenever it sends, so it is told again after each
    /// read, which also sends the acknowledgements that it has put off.
    private let acknowledgesAtOnce: Bool
    package var readLimit = Int.max
    private var outputState = OutputState.open
    /// What the kernel told a write and will not tell a read any more: to that one a reset would look like an end.
    private var outputError: CInt = 0
    /// In the reactor's list for the next round.
    private var isRescheduled = false
    /// What the kernel knew of a connection that was opened here when it failed. Behind a reference, as few have it.
    private var lastInfo: LastInfo?
    private let isOutgoing: Bool

    private final class LastInfo {
        let value: TCPInfo

        init(_ value: TCPInfo) { self.value = value }
    }

    /// ```
    ///   connecting ──▶ waiting ◀──▶ readable ──▶ ended
    ///        └────────────────────────▲
    /// ```
    private enum InputState {
        /// What is written waits here.
        case connecting
        /// The kernel reports the next bytes, or the end, as an edge.
        case waiting
        /// The kernel may have more than was read.
        case readable
        case ended
    }

    /// ```
    ///   open ──▶ shuttingDown ──▶ shut         all but `closing` may be broken by an error;
    ///     └────▶ closing ──▶ the stream closes  nothing is written any more but in `open`
    /// ```
    private enum OutputState {
        case open
        /// Our end of output follows what is still to be taken.
        case shuttingDown
        /// The stream closes when all is taken.
        case closing
        case shut
        /// The kernel refused output; `outputError` is told when everything that came is read.
        case broken
    }

    /// So many full reads in a row, and then it is the others' turn.
    private static let readsPerTurn = 8
    private static let keptOutput = 0

    /// `descriptor` is non-blocking and belongs to the stream from here on, even where this throws because the kernel does
    /// not watch it.
    package init(
        _ descriptor: CInt, reactor: Reactor, handler: (any StreamHandler)? = nil, isConnecting: Bool = false,
        acknowledgesAtOnce: Bool = false
    ) throws(SystemError) {
        self.reactor = reactor
        kernel = reactor.kernel
        self.descriptor = descriptor
        self.handler = handler
        inputState = isConnecting ? .connecting : .waiting
        self.acknowledgesAtOnce = acknowledgesAtOnce
        isOutgoing = isConnecting
        super.init()
        let code = reactor.watch(self, descriptor, edges: true)
        guard code == 0 else {
            self.descriptor = -1
            kernel.close(descriptor)
            throw SystemError(code: -code, doing: "watching a socket")
        }
    }

    package var isOpen: Bool { descriptor >= 0 }
    package var isSilent: Bool { !hangupSeen && descriptor >= 0 && kernel.isSilent(descriptor) }
    package var inputHasEnded: Bool { inputState == .ended }
    package var inputEndIsUnproven: Bool { false }
    package var isWritable: Bool { output.isEmpty }
    package var unsentBytes: Int { output.count }

    // MARK: Writing

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard canWrite, !bytes.isEmpty else { return }
        guard output.isEmpty, inputState != .connecting else { return output.append(bytes) }
        let sent = send { kernel.send(descriptor, bytes) }
        if sent < bytes.count, outputState == .open { output.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
    }

    package func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        guard canWrite else { return }
        guard output.isEmpty, inputState != .connecting else {
            output.append(a)
            return output.append(b)
        }
        let sent = send { kernel.send(descriptor, a, b) }
        guard outputState == .open else { return }
        if sent < a.count {
            output.append(UnsafeRawBufferPointer(rebasing: a[sent...]))
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.secondPartLost) { return }
            #endif
            output.append(b)
        } else if sent < a.count + b.count {
            output.append(UnsafeRawBufferPointer(rebasing: b[(sent - a.count)...]))
        }
    }

    private var canWrite: Bool {
        descriptor >= 0 && outputState == .open
    }

    /// How much was taken. An error breaks the output only: what the peer sent before is still to be read, and the error
    /// is told behind it.
    private func send(_ call: () -> Int) -> Int {
        while true {
            let count = call()
            if count >= 0 { return count }
            switch CInt(-count) {
            case EINTR: continue
            case EAGAIN: return 0
            default:
                outputState = .broken
                outputError = CInt(-count)
                output.clear(keeping: 0)
                return 0
            }
        }
    }

    private func sendPending() {
        guard !output.isEmpty, descriptor >= 0 else { return }
        let before = outputState
        let sent = send { kernel.send(descriptor, output.bytes) }
        if sent > 0 { output.consume(sent) }
        guard output.isEmpty else { return }
        output.clear(keeping: Self.keptOutput)
        // Also where it broke just now: what waited for room must go on, if only to find that nothing is taken any more.
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.drainNotTold) { if before == .open { return } }
        #endif
        switch before {
        case .open: handler?.outputDrained()
        case .shuttingDown:
            shutdownNow()
            handler?.outputDrained()
        case .closing: end(.outputDone)
        case .shut, .broken: break
        }
    }

    package func shutdownOutput() {
        guard canWrite else { return }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.finBeforeTheRest) { return shutdownNow() }
        #endif
        if output.isEmpty, inputState != .connecting { shutdownNow() } else { outputState = .shuttingDown }
    }

    package var outputIsShut: Bool { outputState == .shut }

    private func shutdownNow() {
        outputState = .shut
        kernel.shutdownOutput(descriptor)
    }

    // MARK: Reading

    package func pauseReading() {
        readsAreOn = false
    }

    package func resumeReading() {
        guard !readsAreOn else { return }
        readsAreOn = true
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.readingNotResumedAfterPause) { return }
        #endif
        if inputState == .readable { reschedule() }
    }

    package func readPending(into room: UnsafeMutableRawBufferPointer) {
        switch inputState {
        case .waiting: inputState = .readable
        case .readable: break
        case .connecting, .ended: return
        }
        readWhatThereIs(into: room)
    }

    private func reschedule() {
        guard !isRescheduled, descriptor >= 0 else { return }
        isRescheduled = true
        reactor.reschedule(self)
    }

    override func continueTurn() {
        isRescheduled = false
        readWhatThereIs(into: reactor.readBuffer)
    }

    private func readWhatThereIs(into buffer: UnsafeMutableRawBufferPointer) {
        var turns = Self.readsPerTurn
        while readsAreOn, inputState == .readable, descriptor >= 0 {
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.restForgottenAfterTurn) { if turns == 0 { return } }
            #endif
            guard turns > 0 else { return reschedule() }
            turns -= 1
            let size = min(buffer.count, readLimit)
            let count = kernel.receive(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<size]))
            if count > 0 {
                if acknowledgesAtOnce { kernel.acknowledgeAtOnce(descriptor) }
                // Less than was asked for: the rest has not come yet, and its coming is another edge.
                #if CONND_PLANTED_FAULTS
                    if PlantedFault.isActive(.endBehindDataLost) { if count < size { inputState = .waiting } }
                #endif
                if count < size, !hangupSeen { inputState = .waiting }
                handler?.received(UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
            } else if count == 0 {
                // EPIPE: the end came before the reset, and everything before it.
                guard outputError == 0 || outputError == EPIPE else { return end(.failure(outputError)) }
                inputState = .ended
                handler?.inputEnded()
            } else if count == -Int(EAGAIN) {
                inputState = .waiting
            } else if count != -Int(EINTR) {
                end(.failure(CInt(-count)))
            }
        }
    }

    override func ready(_ events: UInt32) {
        guard descriptor >= 0 else { return }
        if inputState == .connecting { return finishConnecting(events) }
        if events & ReadyEvents.output != 0 { sendPending() }
        if events & ReadyEvents.hangup != 0 { hangupSeen = true }
        guard events & (ReadyEvents.input | ReadyEvents.hangup) != 0, !inputHasEnded else {
            // Both directions are over and the peer is gone: nothing will be read that could tell it.
            if inputHasEnded, events & ReadyEvents.error != 0 { end(.failure(kernel.pendingError(descriptor))) }
            return
        }
        inputState = .readable
        if !readsAreOn, tellsResetWhilePaused, events & ReadyEvents.error != 0 {
            return end(.failure(kernel.pendingError(descriptor)))
        }
        readWhatThereIs(into: reactor.readBuffer)
    }

    private func finishConnecting(_ events: UInt32) {
        guard events & (ReadyEvents.output | ReadyEvents.hangup) != 0 else { return }
        inputState = .waiting
        let code = kernel.pendingError(descriptor)
        guard code == 0 else { return end(.failure(code)) }
        // What comes with the connection, even its end, is no edge of its own later.
        if events & ReadyEvents.hangup != 0 { hangupSeen = true }
        if events & (ReadyEvents.input | ReadyEvents.hangup) != 0 { inputState = .readable }
        handler?.connected()
        sendPending()
        if inputState == .readable { reschedule() }
    }

    // MARK: The end

    package func close() {
        guard descriptor >= 0 else { return }
        reactor.unwatch(self)
        kernel.close(descriptor)
        descriptor = -1
        handler = nil
        output.clear(keeping: 0)
    }

    package func closeAfterOutput() -> Bool {
        guard descriptor >= 0, !output.isEmpty, outputState != .broken else {
            close()
            return true
        }
        outputState = .closing
        return false
    }

    package func reset() {
        guard descriptor >= 0 else { return }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.resetIsAnEnd) { return close() }
        #endif
        kernel.resetOnClose(descriptor)
        close()
    }

    private func end(_ cause: StreamEnd) {
        guard descriptor >= 0 else { return }
        let handler = handler
        if isOutgoing, case .failure = cause { lastInfo = kernel.tcpInfo(descriptor).map(LastInfo.init) }
        close()
        handler?.closed(cause)
    }
}

// MARK: What the kernel knows

extension TCPStream {
    package var localEndpoint: Endpoint? { isOpen ? kernel.localEndpoint(descriptor) : nil }
    package var remoteEndpoint: Endpoint? { isOpen ? kernel.remoteEndpoint(descriptor) : nil }
    package var tcpInfo: TCPInfo? { isOpen ? kernel.tcpInfo(descriptor) : lastInfo?.value }
    package var socketFacts: SocketFacts? { isOpen ? kernel.socketFacts(descriptor) : nil }
    package func setUserTimeout(_ milliseconds: CInt) -> CInt {
        isOpen ? kernel.setUserTimeout(descriptor, milliseconds) : -1
    }
    package var peerOwner: SocketOwner? { isOpen ? kernel.peerOwner(descriptor) : nil }
    package var isAcknowledged: Bool { isOpen && output.isEmpty && !kernel.hasUnacknowledged(descriptor) }
}

// MARK: Opening

extension Reactor {
    /// Opens a connection; the handler is told `connected` or `failed`. `refusals` names the options that the kernel did not
    /// take, also where this throws.
    package func connect(
        to endpoint: Endpoint, from source: IPAddress?, options: SocketOptions, refusals: inout [SocketOptions.Refusal],
        handler: any StreamHandler
    ) throws(SystemError) -> any ByteStream {
        let descriptor = kernel.makeSocket(endpoint.address.family)
        guard descriptor >= 0 else { throw SystemError(code: -descriptor, doing: "creating a socket") }
        refusals = kernel.apply(options, to: descriptor)
        if let source {
            let code = kernel.bind(descriptor, to: source)
            guard code == 0 else {
                kernel.close(descriptor)
                throw SystemError(code: -code, doing: "binding to \(source)")
            }
        }
        let code = kernel.connect(descriptor, to: endpoint)
        guard code == 0 || code == -EINPROGRESS else {
            kernel.close(descriptor)
            throw SystemError(code: -code, doing: "connecting")
        }
        return try TCPStream(
            descriptor, reactor: self, handler: handler, isConnecting: true,
            acknowledgesAtOnce: options.quickAcknowledgement)
    }
}
