import CLinux
package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// Who is told what a stream brings. Every call comes from the reactor, never from within a call to the stream.
package protocol StreamHandler: AnyObject {
    /// The bytes are the reactor's and are overwritten when this returns.
    func received(_ bytes: UnsafeRawBufferPointer)
    /// The peer's FIN: nothing more comes.
    func inputEnded()
    /// The stream is closed, by a reset or another error.
    func failed(_ code: CInt)
    /// All that was written has been taken by the kernel, after some of it had to wait.
    func outputDrained()
    /// An outgoing connection is open.
    func connected()
}

/// One stream socket, non-blocking and edge-triggered: what is written goes out at once as far as the kernel takes it, and
/// the rest waits here; what comes in is handed on from the reactor's buffer. Loop-bound.
package final class TCPStream: Watched {
    package unowned let reactor: Reactor
    package private(set) var descriptor: CInt
    /// Held until the stream closes.
    package var handler: (any StreamHandler)?

    private var output = ByteStore()
    private var isConnecting: Bool
    private var readsAreOn = true
    /// The kernel may have more for us.
    private var mayRead = false
    /// A FIN or an error is known to stand behind the bytes that are still to be read.
    package private(set) var hangupSeen = false
    package private(set) var inputHasEnded = false
    /// For a peer whose bytes are worth nothing once it is gone: its reset is told although reading is paused.
    package var tellsResetWhilePaused = false
    /// What is read is acknowledged without delay. The kernel forgets that it was told so whenever it sends, so it is told
    /// again after each read, which also sends what it has put off.
    package var acknowledgesAtOnce = false
    /// How much one read may bring.
    package var readLimit = Int.max
    private var outputIsBroken = false
    private var outputEnding = OutputEnding.none
    private var isListedAgain = false

    private enum OutputEnding {
        case none, shutdownAfterOutput, closeAfterOutput, shut
    }

    /// So many full reads in a row, and then it is the others' turn.
    private static let readsPerTurn = 8
    private static let keptOutput = 0

    /// `descriptor` is non-blocking, and the stream's from here on. Nil where the kernel will not watch it.
    package init?(_ descriptor: CInt, reactor: Reactor, handler: any StreamHandler, isConnecting: Bool = false) {
        self.reactor = reactor
        self.descriptor = descriptor
        self.handler = handler
        self.isConnecting = isConnecting
        super.init()
        guard reactor.watch(self, descriptor, edges: true) else {
            self.descriptor = -1
            Glibc.close(descriptor)
            return nil
        }
    }

    package var isOpen: Bool { descriptor >= 0 }
    /// Nothing has come that was not read, not even an end. Asks the kernel.
    package var isSilent: Bool { !hangupSeen && descriptor >= 0 && clinux_idle_socket_state(descriptor) == 0 }
    /// False while something waits to be taken by the kernel: then what feeds this stream should pause.
    package var isWritable: Bool { output.isEmpty }
    package var unsentBytes: Int { output.count }

    // MARK: Writing

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard canWrite, !bytes.isEmpty else { return }
        guard output.isEmpty, !isConnecting else { return output.append(bytes) }
        let sent = send { clinux_send(descriptor, bytes.baseAddress, bytes.count) }
        if sent < bytes.count, !outputIsBroken { output.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
    }

    /// Both in one segment where they fit.
    package func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        guard canWrite else { return }
        guard output.isEmpty, !isConnecting else {
            output.append(a)
            return output.append(b)
        }
        let sent = send { clinux_send_two(descriptor, a.baseAddress, a.count, b.baseAddress, b.count) }
        guard !outputIsBroken else { return }
        if sent < a.count {
            output.append(UnsafeRawBufferPointer(rebasing: a[sent...]))
            output.append(b)
        } else if sent < a.count + b.count {
            output.append(UnsafeRawBufferPointer(rebasing: b[(sent - a.count)...]))
        }
    }

    private var canWrite: Bool {
        descriptor >= 0 && !outputIsBroken && outputEnding == .none
    }

    /// How much was taken. An error breaks the output only: what the peer sent before is still to be read, and its reset
    /// is told when reading meets it.
    private func send(_ call: () -> Int) -> Int {
        while true {
            let count = call()
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default:
                outputIsBroken = true
                output.clear(keeping: 0)
                return 0
            }
        }
    }

    private func sendPending() {
        guard !output.isEmpty, descriptor >= 0 else { return }
        let sent = send { clinux_send(descriptor, output.bytes.baseAddress, output.count) }
        if sent > 0 { output.consume(sent) }
        guard output.isEmpty else { return }
        output.clear(keeping: Self.keptOutput)
        switch outputEnding {
        case .none: handler?.outputDrained()
        case .shutdownAfterOutput:
            shutdownNow()
            handler?.outputDrained()
        case .closeAfterOutput: fail(0)
        case .shut: break
        }
    }

    /// FIN, behind all that was written.
    package func shutdownOutput() {
        guard canWrite else { return }
        if output.isEmpty, !isConnecting { shutdownNow() } else { outputEnding = .shutdownAfterOutput }
    }

    package var outputIsShut: Bool { outputEnding == .shut }

    private func shutdownNow() {
        outputEnding = .shut
        Glibc.shutdown(descriptor, CInt(SHUT_WR))
    }

    // MARK: Reading

    package func pauseReading() {
        readsAreOn = false
    }

    package func resumeReading() {
        guard !readsAreOn else { return }
        readsAreOn = true
        if mayRead { listAgain() }
    }

    private func listAgain() {
        guard !isListedAgain, descriptor >= 0 else { return }
        isListedAgain = true
        reactor.again(self)
    }

    override func goOn() {
        isListedAgain = false
        readWhatThereIs()
    }

    private func readWhatThereIs() {
        var turns = Self.readsPerTurn
        while readsAreOn, mayRead, descriptor >= 0 {
            guard turns > 0 else { return listAgain() }
            turns -= 1
            let buffer = reactor.readBuffer
            let size = min(buffer.count, readLimit)
            let count = clinux_receive(descriptor, buffer.baseAddress, size)
            if count > 0 {
                if acknowledgesAtOnce { _ = clinux_set_int(descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, 1) }
                // Less than was asked for: the rest has not come yet, and its coming is another edge.
                if count < size, !hangupSeen { mayRead = false }
                handler?.received(UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
            } else if count == 0 {
                mayRead = false
                inputHasEnded = true
                handler?.inputEnded()
            } else if errno == EAGAIN {
                mayRead = false
            } else if errno != EINTR {
                fail(errno)
            }
        }
    }

    override func ready(_ events: UInt32) {
        guard descriptor >= 0 else { return }
        if isConnecting { return finishConnecting(events) }
        if events & clinux_epoll_out() != 0 { sendPending() }
        if events & clinux_epoll_hangup() != 0 { hangupSeen = true }
        guard events & (clinux_epoll_in() | clinux_epoll_hangup()) != 0, !inputHasEnded else {
            // Both directions are over and the peer is gone: nothing will be read that could tell it.
            if inputHasEnded, events & clinux_epoll_error() != 0 { fail(clinux_pending_error(descriptor)) }
            return
        }
        mayRead = true
        if !readsAreOn, tellsResetWhilePaused, events & clinux_epoll_error() != 0 {
            return fail(clinux_pending_error(descriptor))
        }
        readWhatThereIs()
    }

    private func finishConnecting(_ events: UInt32) {
        guard events & (clinux_epoll_out() | clinux_epoll_hangup()) != 0 else { return }
        isConnecting = false
        let code = clinux_pending_error(descriptor)
        guard code == 0 else { return fail(code) }
        // What comes with the connection, even its end, is no edge of its own later.
        if events & clinux_epoll_hangup() != 0 { hangupSeen = true }
        if events & (clinux_epoll_in() | clinux_epoll_hangup()) != 0 { mayRead = true }
        handler?.connected()
        sendPending()
        if mayRead { listAgain() }
    }

    // MARK: The end

    /// At once; what was not taken by the kernel is lost.
    package func close() {
        guard descriptor >= 0 else { return }
        reactor.unwatch(self)
        Glibc.close(descriptor)
        descriptor = -1
        handler = nil
        output.clear(keeping: 0)
    }

    /// When all that was written is taken. True: that was at once; otherwise the handler is told by `failed(0)`.
    package func closeAfterOutput() -> Bool {
        guard descriptor >= 0, !output.isEmpty, !outputIsBroken else {
            close()
            return true
        }
        outputEnding = .closeAfterOutput
        return false
    }

    /// With a RST, so that the peer cannot take what it has for the whole.
    package func reset() {
        guard descriptor >= 0 else { return }
        _ = clinux_reset_on_close(descriptor)
        close()
    }

    private func fail(_ code: CInt) {
        guard descriptor >= 0 else { return }
        let handler = handler
        close()
        handler?.failed(code)
    }
}

// MARK: Opening

extension TCPStream {
    /// A socket towards `address`, for options to be put on before `connect`.
    package static func makeSocket(for address: IPAddress) throws(SystemError) -> CInt {
        let descriptor = clinux_socket(address.family == .ipv4 ? 4 : 16)
        guard descriptor >= 0 else { throw SystemError(code: -descriptor, doing: "creating a socket") }
        return descriptor
    }

    /// Starts to connect; the handler is told `connected` or `failed`. The descriptor is taken in any case.
    package static func connect(
        _ descriptor: CInt, to address: IPAddress, port: UInt16, from source: IPAddress?, reactor: Reactor,
        handler: any StreamHandler
    ) throws(SystemError) -> TCPStream {
        if let source {
            let bytes = source.bytes
            let code = clinux_bind(descriptor, bytes, CInt(bytes.count), 0)
            guard code == 0 else {
                Glibc.close(descriptor)
                throw SystemError(code: -code, doing: "binding to \(source)")
            }
        }
        let bytes = address.bytes
        let code = clinux_connect(descriptor, bytes, CInt(bytes.count), port)
        guard code == 0 || code == -EINPROGRESS else {
            Glibc.close(descriptor)
            throw SystemError(code: -code, doing: "connecting")
        }
        guard let stream = TCPStream(descriptor, reactor: reactor, handler: handler, isConnecting: true) else {
            throw SystemError(code: errno, doing: "watching a socket")
        }
        return stream
    }
}
