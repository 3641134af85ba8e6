import CLinux
package import ProxyTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Something with a descriptor that a reactor watches.
package class Watched {
    init() {}

    func ready(_ events: UInt32) {}
    /// Asked for by `Reactor.again`.
    func goOn() {}
}

/// Which thread a reactor runs on. Shared.
final class ThreadIdentity: Sendable {
    private let identity = Atomic<UInt>(0)

    func adopt() { identity.store(UInt(pthread_self()), ordering: .releasing) }
    var isCurrent: Bool { identity.load(ordering: .acquiring) == UInt(pthread_self()) }
}

/// The jobs other threads have for a reactor, and the bell that wakes it. Shared.
package final class ReactorMailbox: Sendable {
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    let bell: CInt

    init() {
        bell = clinux_eventfd()
    }

    deinit {
        close(bell)
    }

    /// Runs `job` on the reactor's thread, soon.
    package func execute(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    func takeJobs() -> [@Sendable () -> Void] {
        var count: UInt64 = 0
        _ = read(bell, &count, 8)
        return jobs.withLock { jobs in
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
    private let epoll: CInt
    package let mailbox = ReactorMailbox()
    let thread = ThreadIdentity()
    package let timer = LazyTimer()
    /// Read once per wake-up.
    package private(set) var now: Instant
    let readBuffer: UnsafeMutableRawBufferPointer

    private var closed: [Watched] = []
    private var again: [Watched] = []
    private var isRunning = false
    private let ready: UnsafeMutableBufferPointer<clinux_ready>
    private let clock: () -> Instant
    private let clockChanges = ClockChanges()
    private var isClockWatched = false

    private static let eventsAtOnce = 256

    /// `readSize`: what one read may bring, and so what a stream may have to keep when its peer takes nothing.
    package init(readSize: Int = 256 * 1024, clock: @escaping () -> Instant = SystemClock.instant) throws(SystemError) {
        self.clock = clock
        epoll = epoll_create1(clinux_epoll_cloexec())
        guard epoll >= 0 else { throw SystemError(code: errno, doing: "creating an epoll instance") }
        now = clock()
        readBuffer = .allocate(byteCount: min(max(readSize, 4096), 1024 * 1024), alignment: 64)
        ready = .allocate(capacity: Self.eventsAtOnce)
        guard mailbox.bell >= 0, clinux_epoll_add(epoll, mailbox.bell, clinux_epoll_in(), nil) == 0 else {
            throw SystemError(code: errno, doing: "creating an eventfd")
        }
        if clockChanges.descriptor >= 0 { isClockWatched = watch(clockChanges, clockChanges.descriptor, edges: false) }
    }

    deinit {
        if isClockWatched { unwatch(clockChanges) }
        close(epoll)
        readBuffer.deallocate()
        ready.deallocate()
    }

    /// On the calling thread, until `stop`.
    package func run() {
        thread.adopt()
        isRunning = true
        while isRunning {
            let count = clinux_epoll_wait(epoll, ready.baseAddress, CInt(Self.eventsAtOnce), waitTime())
            now = clock()
            if count > 0 { dispatch(Int(count)) }
            if !again.isEmpty { goOn() }
            timer.fire(now: now)
            // Only now: an event of this round may name one that an earlier event of the round has closed.
            if !closed.isEmpty { closed.removeAll(keepingCapacity: true) }
        }
    }

    package func stop() {
        isRunning = false
    }

    private func waitTime() -> Int64 {
        guard again.isEmpty else { return 0 }
        let next = timer.next
        return next == .distantFuture ? -1 : max((next - now).nanoseconds, 0)
    }

    private func dispatch(_ count: Int) {
        for index in 0..<count {
            guard let tag = ready[index].tag else {
                for job in mailbox.takeJobs() { job() }
                continue
            }
            Unmanaged<Watched>.fromOpaque(tag)._withUnsafeGuaranteedRef { $0.ready(ready[index].events) }
        }
    }

    private func goOn() {
        let round = again
        again.removeAll()
        for watched in round { watched.goOn() }
    }

    /// Has `goOn` called in the next round, before any waiting: for a socket that has more than its turn's share.
    func again(_ watched: Watched) {
        again.append(watched)
    }

    /// The reactor keeps what it watches alive until `unwatch`.
    func watch(_ watched: Watched, _ descriptor: CInt, edges: Bool) -> Bool {
        let events = edges ? clinux_epoll_edges() : clinux_epoll_in()
        let reference = Unmanaged.passRetained(watched)
        guard clinux_epoll_add(epoll, descriptor, events, reference.toOpaque()) == 0 else {
            reference.release()
            return false
        }
        return true
    }

    func setWatching(_ watched: Watched, _ descriptor: CInt, _ on: Bool) {
        let tag = Unmanaged.passUnretained(watched).toOpaque()
        _ = clinux_epoll_modify(epoll, descriptor, on ? clinux_epoll_in() : 0, tag)
    }

    /// Of a socket that others hold too: closing the descriptor would not end the registration.
    func unwatchShared(_ watched: Watched, _ descriptor: CInt) {
        _ = clinux_epoll_delete(epoll, descriptor)
        unwatch(watched)
    }

    /// To be called before the descriptor is closed, which is what ends its registration.
    func unwatch(_ watched: Watched) {
        closed.append(watched)
        Unmanaged.passUnretained(watched).release()
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
