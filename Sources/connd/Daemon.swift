import AdminModels
import AdminAPI
import CLinux
import ConfigurationFile
import Dispatch
import Foundation
import ForwardProxy
import HTTPWire
import LocalCA
import Logging
import Metering
import Pooling
import ProxyTypes
import Reactor
import Resolving
import Tuning
import Store
import Systemd
import TLS
import Upstream

#if canImport(Glibc)
    import Glibc
#endif

/// Assembles connd, starts it, and stops it: first the data path (`Shutdown`), then the control plane, last the loop.
/// Bound to the thread that runs it, which is the data loop's.
final class Daemon {
    private let loaded: LoadedConfiguration
    private let passed: PassedSockets
    private let service: ServiceLink
    private let logger: Logger
    private let accessLog: ForwardProxy.AccessLog
    private let losses: DroppedLines
    private let reactor: Reactor
    private let loop: ProxyLoop
    private let store: Store
    private let shared: SharedLayers
    private let overrides: SettingOverrides
    /// Removes the trials that expired while connd was not running.
    private let expired: SettingChange
    private let configured: ConfigurationState
    private let storeEvents: StoreEventRelay
    private let unopened = UnopenedListeners()
    private let authorities: OpenedAuthorities
    private let hostCheck: HostCheck
    private let programs: ClientPrograms
    private let process = ProcessState()
    private var watchdog: WatchdogFeeder?
    private var control: ControlPlane?
    private var phase = Phase.running

    private enum Phase {
        case running
        /// On the first signal.
        case stopping(Shutdown)
        /// On the second one; more change nothing.
        case stoppingAtOnce(Shutdown)
    }

    /// Throws before anything listens if connd cannot start.
    init(_ loaded: LoadedConfiguration, options: CommandLineOptions, log: LogTarget) throws {
        let configuration = loaded.configuration
        let environment = ProcessInfo.processInfo.environment
        self.loaded = loaded
        passed = try PassedSockets(environment: environment)
        service = ServiceLink(ServiceNotifier(environment: environment, processID: getpid()))
        log.set(configuration.log)
        let logger = Logger(label: "connd") { _ in LogOutput(log) }
        self.logger = logger
        let authorities = OpenedAuthorities(environment: environment, logger: logger)
        self.authorities = authorities
        hostCheck = HostCheck(InterceptCheck(authorities: { authorities.shared.current }))
        configured = ConfigurationState(loaded, options: options, log: log)
        accessLog = AccessLog(
            try Reconfiguration.named("access_log.path", in: loaded) { try configuration.openAccessLog() }
        ) { logger.warning("access log lines were lost", metadata: ["lines": "\($0)"]) }
        losses = DroppedLines(log: log.losses, accessLog: accessLog)
        let proxy = configuration.proxyConfiguration
        let storeEvents = StoreEventRelay(logger)
        self.storeEvents = storeEvents
        let path = configuration.databasePath(environment: environment)
        if path == nil { logger.warning("no state directory: settings are lost when connd exits") }
        store = try Store(path: path ?? Configuration.memory, clock: SystemClock.now) { storeEvents.relay($0) }
        let end = Configuration.stateDirectory(environment: environment).flatMap(RecordedEnd.take)
        store.beginRun(
            version: ProductVersion.text,
            previousEnd: end.map { ($0.end, $0.detail) })
        let now = SystemClock.now()
        // Random, so that no entity tag of an earlier process is used again, independently of the clock.
        var overrides = SettingOverrides(
            file: loaded.layers, rows: store.loadSettings(), now: now, revision: .random(in: 1 << 40...1 << 50))
        expired = overrides.expire(now: now)
        overrides.apply(expired)
        self.overrides = overrides
        for objection in hostCheck.objections(to: overrides) {
            logger.warning("a setting cannot be applied on this host", metadata: ["setting": "\(objection.text)"])
        }
        UnverifiedReport.log(overrides.unverified, logger)
        let shared = SharedLayers(overrides.layers)
        self.shared = shared
        TLSLoop.startLibrary()
        reactor = try Reactor(readSize: proxy.maxBuffer)
        var random = SystemRandomNumberGenerator()
        let names = HostResolver(configuration.resolverPaths, on: reactor)
        let upstream = UpstreamLoop(
            reactor: reactor, resolver: names.resolver,
            total: ConnectionBudget(limit: proxy.maxUpstreamConnections), headLimits: proxy.headLimits,
            seed: random.next(), firstConnectionNumber: store.nextConnectionNumber,
            settings: { shared.effective(for: $0) })
        upstream.hostResolver = names
        let tls = Self.makeTLS(reactor, authorities.shared.current, logger)
        upstream.tls = tls
        let name = "connd-" + String(UInt32.random(in: .min ... .max, using: &random), radix: 16)
        loop = ProxyLoop(
            configuration: proxy, upstream: upstream, accessLog: accessLog.isWanted ? accessLog : nil, pseudonym: name)
        loop.tlsServer = tls
        let search = ProgramSearch()
        loop.clientIdentifier = LocalClients(
            reactor: reactor, workers: WorkerPool(limit: Self.programSearchesAtOnce), programs: search)
        programs = ClientPrograms(search: search)
        loop.programs = programs
    }

    private static func makeTLS(_ reactor: Reactor, _ authorities: SigningAuthorities, _ logger: Logger) -> TLSLoop {
        let tls = TLSLoop(reactor: reactor, workers: WorkerPool(limit: certificateLoadsAtOnce))
        tls.authorities = authorities
        tls.onFilesUnusable = { failure in
            logger.warning(
                "certificates or keys have changed and cannot be used: those that were read before stay in use",
                metadata: ["problem": "\(failure.detail)"])
        }
        return tls
    }

    private static let certificateLoadsAtOnce = 2
    private static let programSearchesAtOnce = 2
    /// How long to wait at exit for the last lines of the access log.
    private static let lastLines = Interval.seconds(1)

    /// Returns the exit code after everything has stopped.
    func run() -> Int32 {
        raiseDescriptorLimit()
        let logger = logger
        Invariant.onFirstBroken { logger.critical("an invariant is broken", metadata: ["what": "\($0)"]) }
        do {
            try listen()
            control = try startControlPlane()
        } catch {
            logger.critical("cannot start", metadata: ["error": "\(error)"])
            closeStore()
            return 1
        }
        handleSignals()
        watchdog = WatchdogFeeder(service.notifier, on: reactor)
        service.ready()
        logger.info("ready", metadata: ["version": "\(ProductVersion.text)", "pid": "\(getpid())"])
        reactor.run()
        let unwritten = accessLog.flush(within: Self.lastLines)
        if unwritten > 0 { logger.warning("access log lines are lost", metadata: ["lines": "\(unwritten)"]) }
        logTotals()
        logger.info("stopped")
        return 0
    }

    /// The recorded end of the previous run, which is reported only here.
    private func closeStore() {
        let done = DispatchSemaphore(value: 0)
        let store = store
        Task {
            await store.close()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .seconds(2))
    }

    // MARK: Start

    private func listen() throws {
        for socket in passed.proxy { try serve(socket.listening, note: "passed by systemd") }
        let isDefault = loaded.proxyListensByDefault
        let plan = ListenPlan(
            wanted: loaded.configuration.proxy.listen, isDefault: isDefault, held: [],
            inherited: passed.proxy.map(\.address))
        var failures: [UnopenedListener] = []
        for address in plan.opening {
            do {
                try serve(ListeningSocket.open(address), note: nil)
            } catch {
                failures.append(UnopenedListener(address, code: error.code, hint: hint(at: address)))
            }
        }
        // A host without IPv6 has no [::1]: a default address may fail to open, a configured one may not.
        if !failures.isEmpty, !isDefault || failures.count == plan.opening.count {
            let texts = failures.map(\.description).joined(separator: "; ")
            throw StartFailure(text: "cannot listen on \(texts)")
        }
        unopened.replace(with: failures)
        for failure in failures { logger.warning("not listening", metadata: ["reason": "\(failure)"]) }
    }

    private func serve(_ socket: ListeningSocket, note: String?) throws(SystemError) {
        let address = socket.boundAddress
        try loop.listen(on: socket)
        logger.info(
            "listening",
            metadata: note.map { ["address": "\(address)", "socket": "\($0)"] } ?? ["address": "\(address)"])
    }

    private func hint(at address: ListenAddress) -> String {
        guard let other = passed.proxy.map(\.address).first(where: { $0.collides(with: address) }) else {
            return ""
        }
        return " (a socket unit of systemd listens on \(other))"
    }

    /// Each client and each connection needs a descriptor; the usual soft limit of 1024 is too low.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0 else { return }
        let wanted = UInt(
            loaded.configuration.proxy.maxClientConnections + loaded.configuration.proxy.maxUpstreamConnections + 128)
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(kind, &limit)
        }
        if limit.rlim_cur < wanted {
            logger.warning(
                "fewer file descriptors than connections allowed: accepting pauses when they are used up",
                metadata: ["descriptors": "\(limit.rlim_cur)", "wanted": "\(wanted)"])
        }
    }

    /// The admin API is listening when this returns.
    private func startControlPlane() throws -> ControlPlane {
        let starter = ControlPlaneStarter(
            loaded: loaded, store: store, shared: shared, authorities: authorities, overrides: overrides,
            expired: expired, configured: configured, process: process, logger: logger,
            accessLog: accessLog, losses: losses, passed: passed, unopened: unopened, hostCheck: hostCheck,
            programs: programs, service: service)
        let control = try starter.start(loop, on: reactor)
        storeEvents.attach(control)
        control.start()
        let warmStart = loaded.configuration.warmStart
        control.warmUp(warmStart)
        return control
    }

    // MARK: Signals

    private func handleSignals() {
        let daemon = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        Signals.watch { number in mailbox.execute { daemon.value.received(number) } }
    }

    private func received(_ number: CInt) {
        switch number {
        case SIGTERM, SIGINT: stopRequested()
        case SIGUSR1: reopenLog()
        case SIGUSR2: logTotals()
        case SIGHUP: control?.reload(logger: logger)
        default: break
        }
    }

    private func reopenLog() {
        let logger = logger
        accessLog.reopen { logger.error("the access log could not be reopened", metadata: ["error": "\($0)"]) }
    }

    private func logTotals() {
        let metrics = losses.counted(in: loop.upstream.metrics)
        var metadata: Logger.Metadata = [:]
        for (name, value) in metrics.nonZero { metadata[name] = "\(value)" }
        metadata["clients"] = "\(loop.clientCount)"
        metadata["upstream_connections"] = "\(loop.upstream.openConnections)"
        logger.info("totals", metadata: metadata)
    }

    // MARK: Stop

    private func stopRequested() {
        switch phase {
        case .running: stop()
        case .stopping(let shutdown):
            logger.notice("stopping at once")
            phase = .stoppingAtOnce(shutdown)
            // The control plane is not waited for a second time.
            if shutdown.isOver { reactor.stop() } else { shutdown.stopAtOnce() }
        case .stoppingAtOnce: break
        }
    }

    private func stop() {
        let grace = configured.current.loaded.configuration.proxy.shutdownGrace
        service.stopping(grace: grace.wholeSeconds)
        logger.info("stopping", metadata: ["grace": "\(grace.wholeSeconds)s", "clients": "\(loop.clientCount)"])
        let shutdown = Shutdown(of: loop, grace: grace) { [unowned self] in dataPathEnded($0) }
        phase = .stopping(shutdown)
        shutdown.begin()
    }

    /// The control plane needs the loop for the last statistics; the loop ends after that.
    private func dataPathEnded(_ outcome: Shutdown.Outcome) {
        switch outcome {
        case .complete, .atOnce: break
        case .graceIsOver(let clients): logger.warning("shutdown_grace is over", metadata: ["clients": "\(clients)"])
        }
        let daemon = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        let control = control
        Task {
            await control?.stop()
            mailbox.execute { daemon.value.reactor.stop() }
        }
    }
}

struct StartFailure: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
