import CLinux
package import ProxyTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Something with a descriptor that a reactor watches.
package class EventSource {
    init() {}

    func ready(_ events: UInt32) {}
    /// Called in the round after a `Reactor.reschedule`.
    func continueTurn() {}
}

/// Which thread a reactor runs on. Shared.
final class ThreadIdentity: Sendable {
    private let identity = Atomic<UInt>(0)

    func adopt() { identity.store(UInt(pthread_self()), ordering: .releasing) }
    var isCurrent: Bool { identity.load(ordering: .acquiring) == UInt(pthread_self()) }
}

/// The jobs that other threads have for a reactor. Shared.
package final class ReactorMailbox: Sendable {
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Runs `job` on the reactor's thread, soon.
    package func execute(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        wake()
    }

    func takeJobs() -> [@Sendable () -> Void] {
        jobs.withLock { jobs in
            defer { jobs = [] }
            return jobs
        }
    }
}

/// An event loop over epoll: one thread, edge-triggered sockets that are registered once, one timer heap, one read buffer for
/// all. It knows bytes and time, never HTTP. Loop-bound.
///
/// A socket costs no system call but those that move its bytes: registration never changes, a pause is a flag, and what the
/// kernel did not take is kept until it says that it will.
package final class Reactor {
    package let kernel: any Kernel
    package let mailbox: ReactorMailbox
    let thread = ThreadIdentity()
    package let timer = LazyTimer()
    /// Read once per wake-up.
    package private(set) var now: Instant
    let readBuffer: UnsafeMutableRawBufferPointer
    /// The most that one read brings.
    package var readSize: Int { readBuffer.count }

    package private(set) var rounds = LoopRounds()
    private var closed: [EventSource] = []
    private var rescheduled: [EventSource] = []
    private var isRunning = false
    private let ready: UnsafeMutableBufferPointer<clinux_ready>

    private static let eventsAtOnce = 256

    /// `readSize`: what one read may bring, and so what a stream may have to keep when its peer takes nothing.
    package convenience init(readSize: Int = 256 * 1024) throws(SystemError) {
        self.init(kernel: try LinuxKernel(), readSize: readSize)
    }

    package init(kernel: any Kernel, readSize: Int = 256 * 1024) {
        self.kernel = kernel
        mailbox = ReactorMailbox(wake: kernel.wake)
        now = kernel.instant()
        readBuffer = .allocate(byteCount: min(max(readSize, 4096), 1024 * 1024), alignment: 64)
        ready = .allocate(capacity: Self.eventsAtOnce)
    }

    deinit {
        readBuffer.deallocate()
        ready.deallocate()
    }

    /// On the calling thread, until `stop`.
    package func run() {
        thread.adopt()
        isRunning = true
        while isRunning { round() }
    }

    /// One round on the calling thread: waits for events or the next deadline, and handles what has come.
    package func turn() {
        thread.adopt()
        round()
    }

    private func round() {
        let count = kernel.wait(into: ready, timeout: waitTime())
        now = kernel.instant()
        if count > 0 { dispatch(count) }
        if !rescheduled.isEmpty { resumeRescheduled() }
        timer.fire(now: now)
        // Only now: an event of this round may name one that an earlier event of the round has closed.
        if !closed.isEmpty { closed.removeAll(keepingCapacity: true) }
        rounds.note(kernel.instant().nanoseconds &- now.nanoseconds)
    }

    package func stop() {
        isRunning = false
    }

    private func waitTime() -> Int64 {
        guard rescheduled.isEmpty else { return 0 }
        let next = timer.next
        return next == .distantFuture ? -1 : max((next - now).nanoseconds, 0)
    }

    private func dispatch(_ count: Int) {
        for index in 0..<count {
            guard let tag = ready[index].tag else {
                kernel.acknowledgeWake()
                for job in mailbox.takeJobs() { job() }
                continue
            }
            Unmanaged<EventSource>.fromOpaque(tag)._withUnsafeGuaranteedRef { $0.ready(ready[index].events) }
        }
    }

    private func resumeRescheduled() {
        let round = rescheduled
        rescheduled.removeAll()
        for source in round { source.continueTurn() }
    }

    /// Has `continueTurn` called in the next round, before any waiting: for a socket that has more than its turn's share.
    func reschedule(_ source: EventSource) {
        rescheduled.append(source)
    }

    /// The addresses of this host's interfaces.
    package func interfaceAddresses() -> [IPAddress] { kernel.interfaceAddresses() }

    /// The address of this host from which it reaches that one; nil if there is none, `0.0.0.0` where it is not known.
    package func source(for address: IPAddress) -> IPAddress? { kernel.source(for: address) }

    /// Milliseconds since 1970, for records only.
    package var wallClock: Int64 { kernel.wallClock() }

    /// The reactor keeps what it watches alive until `unwatch`.
    /// 0 or a negative error number.
    func watch(_ source: EventSource, _ descriptor: CInt, edges: Bool) -> CInt {
        let reference = Unmanaged.passRetained(source)
        let code = kernel.watch(descriptor, tag: UnsafeRawPointer(reference.toOpaque()), edges: edges)
        if code != 0 { reference.release() }
        return code
    }

    func setWatching(_ source: EventSource, _ descriptor: CInt, _ on: Bool) {
        kernel.setWatching(descriptor, tag: UnsafeRawPointer(Unmanaged.passUnretained(source).toOpaque()), on)
    }

    /// Of a socket that others hold too: closing the descriptor would not end the registration.
    func unwatchShared(_ source: EventSource, _ descriptor: CInt) {
        kernel.unwatch(descriptor)
        unwatch(source)
    }

    /// To be called before the descriptor is closed, which is what ends its registration.
    func unwatch(_ source: EventSource) {
        closed.append(source)
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.closedStreamKept) { return }
        #endif
        Unmanaged.passUnretained(source).release()
    }
}

/// How long rounds of a loop took, from its wake-up to its next wait: as long, all of its clients and origins wait. Value.
package struct LoopRounds: Sendable {
    private var longestNanoseconds: Int64 = 0
    /// Those that took 10 ms or longer.
    package private(set) var slowCount = 0

    package var longest: Interval { Interval(nanoseconds: longestNanoseconds) }

    // Computed: a stored one would be looked up in every round.
    private static var slowNanoseconds: Int64 { 10_000_000 }

    /// Plain numbers: it is called several times a request, and intervals would add 70 instructions to each.
    @inline(__always)
    mutating func note(_ nanoseconds: Int64) {
        guard nanoseconds > longestNanoseconds || nanoseconds >= Self.slowNanoseconds else { return }
        longestNanoseconds = max(longestNanoseconds, nanoseconds)
        if nanoseconds >= Self.slowNanoseconds { slowCount += 1 }
    }
}

/// A system call that failed.
package struct SystemError: Error, CustomStringConvertible {
    package let code: CInt
    package let doing: String

    package init(code: CInt, doing: String) {
        self.code = code
        self.doing = doing
    }

    package var description: String { "\(doing): \(String(cString: strerror(code)))" }
}
