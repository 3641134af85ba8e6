import CLinux
import ProxyTypes
import Reactor
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The host that the proxy runs on: Linux's sockets, epoll and clocks, on a simulated network. Time passes only in
/// `wait`.
final class SimulatedKernel: Kernel {
    let network: SimulatedNetwork
    /// Whether nothing is scheduled in the network and the loop waits without a timeout.
    private(set) var isAtRest = false
    /// Beyond this number, opening a socket fails with EMFILE.
    var descriptorLimit = Int.max
    /// Requests that must not be sent twice and were sent onto a connection that had ended.
    private(set) var lateRequests: [String] = []
    /// How often the loop has waited.
    private(set) var round = 0
    /// Bytes transferred over accepted connections and over those that connd opened; of TLS, the plain ones.
    var traffic = Traffic()
    /// The port of origins that speak TLS.
    static let encryptedPort: UInt16 = 8443

    struct Traffic {
        var fromClients = 0
        var toClients = 0
        var fromOrigins = 0
        var toOrigins = 0
    }

    /// By descriptor, less `firstDescriptor`.
    var sockets: [KernelSocket?] = []
    private(set) var openDescriptors = 0
    private var lowestFree = 0
    private var readyList: [KernelSocket] = []
    private var spareList: [KernelSocket] = []
    private let wakeUp = WakeUp()
    /// CLOCK_BOOTTIME includes the time that the machine was suspended.
    private var suspended = Interval.zero
    private var wallClockOffset: Int64 = 1_790_000_000_000

    /// Far above the descriptors of the process, so that a fault cannot close one of those.
    static let firstDescriptor = 1_000_000

    init(_ network: SimulatedNetwork) {
        self.network = network
        let flag = wakeUp
        wake = { flag.set() }
    }

    let wake: @Sendable () -> Void

    // MARK: Clocks

    func instant() -> Instant { network.now + suspended }

    func wallClock() -> Int64 { wallClockOffset + instant().nanoseconds / 1_000_000 }

    /// The machine is suspended and resumes: its clock is ahead, but no event of the network has happened.
    func leap(by length: Interval) { suspended = suspended + length }

    func setWallClock(by milliseconds: Int64) { wallClockOffset += milliseconds }

    // MARK: Waiting

    func acknowledgeWake() { wakeUp.clear() }

    func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int {
        isAtRest = false
        round += 1
        // The time that the previous round took.
        run(until: network.now + roundLength())
        let end = timeout < 0 ? Instant.distantFuture : network.now + Interval(nanoseconds: timeout)
        while true {
            let count = collect(into: ready)
            if count > 0 { return count }
            guard network.step(until: end) else { break }
            // Events within a short time are reported together.
            if hasReady { run(until: network.now + moment()) }
        }
        guard timeout >= 0 else {
            isAtRest = true
            return 0
        }
        network.advance(to: end)
        network.trace.events += 1
        // epoll may be late.
        if network.random.below(4) == 0 { run(until: network.now + microseconds(below: 500)) }
        return collect(into: ready)
    }

    private func run(until limit: Instant) {
        while network.step(until: limit) {}
        network.advance(to: limit)
    }

    private func microseconds(below bound: Int) -> Interval {
        Interval(nanoseconds: Int64(network.random.below(bound)) * 1000)
    }

    private func roundLength() -> Interval {
        network.random.below(200) == 0 ? microseconds(below: 20_000) : microseconds(below: 30)
    }

    private func moment() -> Interval {
        switch network.random.below(16) {
        case 0..<9: .zero
        case 9..<15: microseconds(below: 200)
        default: microseconds(below: 5000)
        }
    }

    // MARK: Readiness

    private var hasReady: Bool { !readyList.isEmpty || wakeUp.isSet }

    /// Reports sockets as epoll does: in the order in which they became ready, each with its state at the time of the
    /// report.
    private func collect(into ready: UnsafeMutableBufferPointer<clinux_ready>) -> Int {
        var count = 0
        func report(_ events: UInt32, _ tag: UnsafeRawPointer?) {
            ready[count].events = events
            ready[count].tag = tag
            count += 1
            network.trace.mix(UInt64(events) | 1 << 40)
        }
        if wakeUp.isSet, network.random.below(2) == 0 { report(ReadyEvents.input, nil) }
        let hasWoken = count > 0
        swap(&readyList, &spareList)
        for socket in spareList {
            socket.isListed = false
            guard socket.isOpen, let tag = socket.tag, socket.isWatched else { continue }
            guard count < ready.count else {
                list(socket)
                continue
            }
            let events = socket.poll()
            guard events != 0 else { continue }
            report(events, tag)
            if socket.firstReported == nil { socket.firstReported = round }
            if !socket.isEdgeTriggered { list(socket) }
        }
        spareList.removeAll(keepingCapacity: true)
        if wakeUp.isSet, !hasWoken, count < ready.count { report(ReadyEvents.input, nil) }
        if count > 0 { network.trace.events += 1 }
        return count
    }

    /// The loop can know of an end that has come, but for one that came in the moment in which it was told of the
    /// connection.
    func noteLateRequest(_ socket: KernelSocket, _ end: End, _ bytes: UnsafeRawBufferPointer) {
        // What is in records is looked at where they are made.
        guard end.remote.port != Self.encryptedPort else { return }
        guard end.input.finHasArrived, socket.firstReported != round, bytes.starts(with: "POST ".utf8) else { return }
        lateRequests.append(Trace.preview(bytes))
    }

    /// A request over TLS: the peer's end has come.
    func noteLateRequest(_ bytes: UnsafeRawBufferPointer) { lateRequests.append(Trace.preview(bytes)) }

    func list(_ socket: KernelSocket) {
        guard socket.tag != nil, socket.isWatched, !socket.isListed else { return }
        socket.isListed = true
        readyList.append(socket)
    }

    // MARK: Descriptors

    func socket(_ descriptor: CInt) -> KernelSocket? {
        let index = Int(descriptor) - Self.firstDescriptor
        return sockets.indices.contains(index) ? sockets[index] : nil
    }

    /// The lowest free descriptor, as in Linux; nil if the limit is reached.
    func open(_ make: (CInt) -> KernelSocket) -> CInt? {
        guard openDescriptors < descriptorLimit else { return nil }
        while lowestFree < sockets.count, sockets[lowestFree] != nil { lowestFree += 1 }
        if lowestFree == sockets.count { sockets.append(nil) }
        let descriptor = CInt(Self.firstDescriptor + lowestFree)
        sockets[lowestFree] = make(descriptor)
        openDescriptors += 1
        return descriptor
    }

    func forget(_ socket: KernelSocket) {
        let index = Int(socket.descriptor) - Self.firstDescriptor
        sockets[index] = nil
        openDescriptors -= 1
        lowestFree = min(lowestFree, index)
    }
}

/// An eventfd, which may be set from any thread, although the simulation has only one. Shared.
private final class WakeUp: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
    func clear() { flag.store(false, ordering: .relaxed) }
}
