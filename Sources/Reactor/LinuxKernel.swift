package import CLinux
package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// The real system calls, with an epoll instance for one loop. Loop-bound.
package final class LinuxKernel: Kernel {
    private let epoll: CInt
    private let wakeup: Wakeup
    /// epoll's own wait runs on CLOCK_MONOTONIC, which stands still while the machine is suspended, and what is due goes by
    /// `SystemClock.instant`, which does not. This timer of the kernel wakes the loop when the machine does.
    private let clockChanges: CInt
    /// Nil for the real one, which is read several times a request.
    private let clock: (() -> Instant)?
    private let diagnostics = SocketDiagnostics()
    package let wake: @Sendable () -> Void

    package init(clock: (() -> Instant)? = nil) throws(SystemError) {
        self.clock = clock
        let wakeup = Wakeup()
        self.wakeup = wakeup
        wake = { wakeup.signal() }
        clockChanges = clinux_clock_changes()
        epoll = epoll_create1(clinux_epoll_cloexec())
        guard epoll >= 0 else { throw SystemError(code: errno, doing: "creating an epoll instance") }
        guard wakeup.descriptor >= 0, clinux_epoll_add(epoll, wakeup.descriptor, clinux_epoll_in(), nil) == 0 else {
            throw SystemError(code: errno, doing: "creating an eventfd")
        }
        if clockChanges >= 0 { _ = clinux_epoll_add(epoll, clockChanges, clinux_epoll_in(), nil) }
    }

    deinit {
        if clockChanges >= 0 { Glibc.close(clockChanges) }
        Glibc.close(epoll)
    }

    // MARK: Clocks

    package func instant() -> Instant { clock?() ?? SystemClock.instant() }
    package func wallClock() -> Int64 { SystemClock.wall() }

    // MARK: Readiness

    package func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt {
        let events = edges ? clinux_epoll_edges() : clinux_epoll_in()
        return clinux_epoll_add(epoll, descriptor, events, tag) == 0 ? 0 : -errno
    }

    package func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool) {
        _ = clinux_epoll_modify(epoll, descriptor, on ? clinux_epoll_in() : 0, tag)
    }

    package func unwatch(_ descriptor: CInt) {
        _ = clinux_epoll_delete(epoll, descriptor)
    }

    package func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int {
        max(0, Int(clinux_epoll_wait(epoll, ready.baseAddress, CInt(clamping: ready.count), timeout)))
    }

    package func acknowledgeWake() {
        wakeup.acknowledge()
        // Non-blocking: usually it has nothing to read.
        var expirations: UInt64 = 0
        if clockChanges >= 0 { _ = read(clockChanges, &expirations, 8) }
    }

    // MARK: Sockets

    package func makeSocket(_ family: IPAddress.Family) -> CInt { clinux_socket(family == .ipv4 ? 4 : 16) }

    package func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal] {
        options.apply(to: descriptor)
    }

    package func bind(_ descriptor: CInt, to address: IPAddress) -> CInt {
        let bytes = address.bytes
        return clinux_bind(descriptor, bytes, CInt(bytes.count), 0)
    }

    package func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt {
        let bytes = endpoint.address.bytes
        return clinux_connect(descriptor, bytes, CInt(bytes.count), endpoint.port)
    }

    package func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt {
        var bytes = [16 of UInt8](repeating: 0)
        var length: CInt = 0
        let client = withUnsafeMutableBytes(of: &bytes) { room in
            clinux_accept(descriptor, room.baseAddress?.assumingMemoryBound(to: UInt8.self), &length)
        }
        if client >= 0 {
            peer = length == 0 ? nil : withUnsafeBytes(of: &bytes) { IPAddress(bytes: $0.prefix(Int(length))) }
        }
        return client
    }

    package func close(_ descriptor: CInt) { Glibc.close(descriptor) }

    package func resetOnClose(_ descriptor: CInt) { _ = clinux_reset_on_close(descriptor) }

    // MARK: Bytes

    package func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        Self.result(clinux_send(descriptor, bytes.baseAddress, bytes.count))
    }

    package func send(
        _ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Int {
        Self.result(clinux_send_two(descriptor, first.baseAddress, first.count, second.baseAddress, second.count))
    }

    package func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        Self.result(clinux_receive(descriptor, room.baseAddress, room.count))
    }

    @inline(__always)
    private static func result(_ count: Int) -> Int { count >= 0 ? count : -Int(errno) }

    package func shutdownOutput(_ descriptor: CInt) { Glibc.shutdown(descriptor, CInt(SHUT_WR)) }

    package func pendingError(_ descriptor: CInt) -> CInt { clinux_pending_error(descriptor) }

    package func isSilent(_ descriptor: CInt) -> Bool { clinux_idle_socket_state(descriptor) == 0 }

    // MARK: What the kernel knows

    package func localEndpoint(_ descriptor: CInt) -> Endpoint? { endpoint(descriptor, clinux_local_address) }
    package func remoteEndpoint(_ descriptor: CInt) -> Endpoint? { endpoint(descriptor, clinux_remote_address) }

    /// Without an allocation: each connection has two.
    private func endpoint(
        _ descriptor: CInt, _ read: (CInt, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt16>?) -> CInt
    ) -> Endpoint? {
        var bytes: (UInt64, UInt64) = (0, 0)
        var port: UInt16 = 0
        let length = withUnsafeMutableBytes(of: &bytes) { room in
            read(descriptor, room.baseAddress?.assumingMemoryBound(to: UInt8.self), &port)
        }
        let (first, second) = (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
        switch length {
        case 4: return Endpoint(address: IPAddress(ipv4: UInt32(first >> 32)), port: port)
        case 16: return Endpoint(address: IPAddress(high: first, low: second), port: port)
        default: return nil
        }
    }

    package func setNoDelay(_ descriptor: CInt) {
        _ = clinux_set_int(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    package func acknowledgeAtOnce(_ descriptor: CInt) {
        _ = clinux_set_int(descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, 1)
    }

    package func tcpInfo(_ descriptor: CInt) -> TCPInfo? {
        var known = clinux_known_tcp_info()
        guard clinux_read_tcp_info(descriptor, &known) == 0 else { return nil }
        return TCPInfo(known)
    }

    package func socketFacts(_ descriptor: CInt) -> SocketFacts? { SocketFacts(readFrom: descriptor) }

    package func setUserTimeout(_ descriptor: CInt, _ milliseconds: CInt) -> CInt {
        let before = clinux_get_int(descriptor, CInt(IPPROTO_TCP), TCP_USER_TIMEOUT)
        guard before >= 0 else { return before }
        return clinux_set_int(descriptor, CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds) == 0 ? before : -errno
    }

    package func interfaceAddresses() -> [IPAddress] { Interfaces.addresses() }

    package func hasUnacknowledged(_ descriptor: CInt) -> Bool { clinux_unacknowledged(descriptor) != 0 }

    package func source(for address: IPAddress) -> IPAddress? {
        let bytes = address.bytes
        var found = [UInt8](repeating: 0, count: 16)
        let length = clinux_source_address(bytes, CInt(bytes.count), &found)
        return length > 0 ? IPAddress(bytes: found.prefix(Int(length))) : nil
    }

    package func peerOwner(_ descriptor: CInt) -> SocketOwner? {
        guard let remote = remoteEndpoint(descriptor), let local = localEndpoint(descriptor) else {
            return SocketDiagnostics.unixPeer(of: descriptor)
        }
        guard remote.address.isLoopback || remote.address == local.address else { return nil }
        return diagnostics.owner(of: remote, connectedTo: local)
    }
}

/// An eventfd that ends a loop's wait from any thread. Shared.
private final class Wakeup: Sendable {
    let descriptor: CInt

    init() {
        descriptor = clinux_eventfd()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func acknowledge() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}

extension SocketOptions {
    /// What the kernel refuses is returned, and does not keep the other options from being set.
    package func apply(to descriptor: CInt) -> [Refusal] {
        var refused: [Refusal] = []
        func refuse(_ option: Option, _ cause: Refusal.Cause) {
            if refused.last?.option != option { refused.append(Refusal(option: option, cause: cause)) }
        }
        func set(_ option: Option, _ level: CInt, _ name: CInt, _ value: CInt) {
            if clinux_set_int(descriptor, level, name, value) != 0 { refuse(option, .failed(errno)) }
        }
        func setBuffer(_ option: Option, _ name: CInt, _ size: Int) {
            guard size > 0 else { return }
            set(option, SOL_SOCKET, name, CInt(clamping: size))
            // The kernel cuts silently what is above its limit, and reports twice what it gives.
            let given = Int(clinux_get_int(descriptor, SOL_SOCKET, name)) / 2
            if given < size { refuse(option, .capped(given)) }
        }
        let tcp = CInt(IPPROTO_TCP)
        set(.noDelay, tcp, TCP_NODELAY, noDelay ? 1 : 0)
        if quickAcknowledgement { set(.quickAcknowledgement, tcp, TCP_QUICKACK, 1) }
        if let keepAlive {
            set(.keepAlive, SOL_SOCKET, SO_KEEPALIVE, 1)
            set(.keepAlive, tcp, TCP_KEEPIDLE, keepAlive.idle)
            set(.keepAlive, tcp, TCP_KEEPINTVL, keepAlive.interval)
            set(.keepAlive, tcp, TCP_KEEPCNT, keepAlive.count)
        }
        if userTimeout > .zero {
            set(.userTimeout, tcp, TCP_USER_TIMEOUT, CInt(clamping: userTimeout.wholeMilliseconds))
        }
        if fastOpen { set(.fastOpen, tcp, CLINUX_TCP_FASTOPEN_CONNECT, 1) }
        if let name = congestionControl, clinux_set_congestion_control(descriptor, name) != 0 {
            refuse(.congestionControl, .failed(errno))
        }
        setBuffer(.sendBuffer, SO_SNDBUF, sendBuffer)
        setBuffer(.receiveBuffer, SO_RCVBUF, receiveBuffer)
        if lateBinding { set(.lateBinding, CInt(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1) }
        return refused
    }
}
