import CLinux
import Configuration
import Dispatch
import ForwardProxy
import Logging
import Metrics
import NIOCore
import NIOPosix
import Pooling
import ProxyTypes
import Synchronization
import Tuning
import Upstream

#if canImport(Glibc)
import Glibc
#endif

/// Puts connd together, starts it, and stops it in order: first the listeners, then the clients, then the pools. Shared: its
/// loops' state stays on their loops.
final class Daemon: Sendable {
    private let configuration: Configuration
    private let layers: SettingLayers
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let accessLog: ForwardProxy.AccessLog?
    private let stopRequests = Atomic<Int>(0)
    private let finished = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    private struct State {
        var loop: NIOLoopBound<ProxyLoop>?
        var listeners: [any Channel] = []
    }

    /// Throws what keeps it from starting, before anything listens.
    init(_ configuration: Configuration, layers: SettingLayers) throws {
        self.configuration = configuration
        self.layers = layers
        let log = configuration.log
        logger = Logger(label: "connd") { _ in LogOutput(log) }
        accessLog = try configuration.makeAccessLog()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: 8)
    }

    /// Returns the exit code when all has ended.
    func run() -> Int32 {
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        threads.start()
        let logger = logger
        Invariant.onFirstBroken { logger.critical("an invariant is broken", metadata: ["what": "\($0)"]) }
        let signals = handleSignals()
        defer { for source in signals { source.cancel() } }
        do {
            try start()
        } catch {
            logger.critical("cannot start", metadata: ["error": "\(error)"])
            return 1
        }
        finished.wait()
        accessLog?.flush()
        return 0
    }

    // MARK: Start

    private func start() throws {
        let eventLoop = group.next()
        let loop = try eventLoop.submit { NIOLoopBound(self.makeLoop(eventLoop), eventLoop: eventLoop) }.wait()
        state.withLock { $0.loop = loop }
        var failures: [String] = []
        for address in configuration.proxy.listen {
            do {
                let channel = try eventLoop.flatSubmit { ProxyListener.bind(address.forListener, loop: loop.value) }.wait()
                state.withLock { $0.listeners.append(channel) }
                let place = Self.describe(channel, address)
                logger.info("listening", metadata: ["address": "\(place)"])
            } catch {
                failures.append("\(address): \(Self.reason(error))")
            }
        }
        // A host without IPv6 has no [::1]: the defaults are not worth failing for it, what somebody wrote is.
        let isDefault = configuration.proxy.listen == Configuration().proxy.listen
        if !failures.isEmpty, !isDefault || failures.count == configuration.proxy.listen.count {
            throw StartFailure(text: "cannot listen on \(failures.joined(separator: "; "))")
        }
        for failure in failures { logger.warning("not listening", metadata: ["reason": "\(failure)"]) }
        try eventLoop.submit { [self] in
            let listeners = state.withLock { $0.listeners }
            loop.value.listening(on: listeners.compactMap(\.localAddress))
        }.wait()
        logger.info("ready", metadata: ["version": "\(ProductVersion.text)", "pid": "\(getpid())"])
    }

    private func makeLoop(_ eventLoop: any EventLoop) -> ProxyLoop {
        let proxy = configuration.proxyConfiguration
        let layers = layers
        let total = ConnectionBudget(limit: proxy.maxUpstreamConnections)
        var random = SystemRandomNumberGenerator()
        let upstream = UpstreamLoop(
            eventLoop: eventLoop, resolver: Resolver(threads: threads), total: total, headLimits: proxy.headLimits,
            maxBuffer: proxy.maxBuffer, seed: random.next(), settings: { layers.effective(for: $0) })
        let name = "connd-" + String(UInt32.random(in: .min ... .max, using: &random), radix: 16)
        return ProxyLoop(configuration: proxy, upstream: upstream, accessLog: accessLog, pseudonym: name)
    }

    /// Each client and each connection takes a descriptor, and the usual soft limit of 1024 is gone soon.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let wanted = UInt(configuration.proxy.maxClientConnections + configuration.proxy.maxUpstreamConnections + 64)
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        if limit.rlim_cur < wanted {
            logger.warning(
                "fewer file descriptors than connections allowed: accepting pauses when they are used up",
                metadata: ["descriptors": "\(limit.rlim_cur)", "wanted": "\(wanted)"])
        }
    }

    private static func describe(_ channel: any Channel, _ address: ListenAddress) -> String {
        guard case .tcp(let ip, _) = address, let port = channel.localAddress?.port else { return "\(address)" }
        return "\(ip.bracketed):\(port)"
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }

    // MARK: Signals

    private func handleSignals() -> [any DispatchSourceSignal] {
        let queue = DispatchQueue(label: "connd.signals")
        func on(_ number: Int32, _ action: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: action)
            source.resume()
            return source
        }
        return [
            on(SIGTERM) { self.stopRequested() },
            on(SIGINT) { self.stopRequested() },
            on(SIGUSR1) { self.reopenLog() },
            on(SIGUSR2) { self.logTotals() },
            on(SIGHUP) { self.logger.warning("the config file is read at start only: restart to apply changes") },
        ]
    }

    private func reopenLog() {
        do {
            try accessLog?.reopen()
        } catch {
            logger.error("the access log stays as it was", metadata: ["error": "\(error)"])
        }
    }

    private func logTotals() {
        guard let loop = state.withLock({ $0.loop }) else { return }
        let (logger, accessLog) = (logger, accessLog)
        group.next().execute { Self.log(loop.value, accessLog, logger) }
    }

    private static func log(_ loop: ProxyLoop, _ accessLog: ForwardProxy.AccessLog?, _ logger: Logger) {
        var metrics = loop.upstream.metrics
        metrics.droppedLogLines = accessLog?.dropped ?? 0
        var metadata: Logger.Metadata = [:]
        for (name, value) in metrics.nonZero { metadata[name] = "\(value)" }
        metadata["clients"] = "\(loop.clientCount)"
        metadata["upstream_connections"] = "\(loop.upstream.openConnections)"
        logger.info("totals", metadata: metadata)
    }

    // MARK: Stop

    private func stopRequested() {
        switch stopRequests.add(1, ordering: .relaxed).newValue {
        case 1: stop()
        case 2:
            logger.notice("stopping at once")
            kill()
        default: break
        }
    }

    private func stop() {
        guard let loop = state.withLock({ $0.loop }) else {
            finished.signal()
            return
        }
        let grace = configuration.proxy.shutdownGrace
        logger.info("stopping", metadata: ["grace": "\(grace.wholeSeconds)s"])
        let eventLoop = group.next()
        eventLoop.execute { [self] in
            for listener in state.withLock({ $0.listeners }) { listener.close(promise: nil) }
            loop.value.drain { self.closePools(loop) }
            eventLoop.scheduleTask(in: .nanoseconds(grace.nanoseconds)) {
                self.logger.warning("shutdown_grace is over", metadata: ["clients": "\(loop.value.clientCount)"])
                self.kill()
            }
        }
    }

    /// Clients are gone; what the polite close of idle connections still waits for is bounded by close_linger.
    private func closePools(_ loop: NIOLoopBound<ProxyLoop>) {
        guard loop.value.upstream.openConnections > 0 else { return end(loop) }
        group.next().scheduleTask(in: .milliseconds(10)) { self.closePools(loop) }
    }

    private func kill() {
        guard let loop = state.withLock({ $0.loop }) else { return }
        group.next().execute {
            loop.value.kill()
            self.end(loop)
        }
    }

    private func end(_ loop: NIOLoopBound<ProxyLoop>) {
        Self.log(loop.value, accessLog, logger)
        logger.info("stopped")
        finished.signal()
    }
}

struct StartFailure: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
