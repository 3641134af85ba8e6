package import ProxyTypes
package import Reactor

/// The resolver of this host: its hosts file, DNS, and the system's resolver for what these do not know. Its files are read
/// again when they change. Loop-bound.
package final class HostResolver {
    /// Its configuration as it was read, for people.
    package struct Description: Sendable {
        package var servers: [String] = []
        package var domains: [String] = []
        package var minDots = 1
        package var timeout = Interval.zero
        package var attempts = 0
        package var hostsNames = 0
        package var systemKnowsMore = false
        package var paths = ResolverPaths()
        /// Why DNS cannot be asked.
        package var failure: String?
    }

    private unowned let reactor: Reactor
    private let system = SystemResolver()
    private let readers = WorkerPool(limit: 1)
    private var paths: ResolverPaths
    private var files: ResolverFiles
    private let channels: DNSChannels
    private var failure: String?
    private var isReading = false
    private var lastRead: Instant
    /// What was looked up before may not hold any more.
    package var onFilesChanged: () -> Void = {}

    /// How long a change of a file may go unnoticed, as long as names are looked up.
    private static let readInterval = Interval.seconds(1)
    /// DNS may be silent for so long before the system's resolver is asked as well, where that may know more.
    static let patience = Interval.seconds(1)

    /// Reads the files before it returns.
    package convenience init(_ paths: ResolverPaths = ResolverPaths(), on reactor: Reactor) {
        self.init(paths, on: reactor, DNSChannels.Limits())
    }

    init(_ paths: ResolverPaths, on reactor: Reactor, _ limits: DNSChannels.Limits) {
        self.paths = paths
        self.reactor = reactor
        channels = DNSChannels(on: reactor, limits)
        files = ResolverFiles(paths)
        lastRead = reactor.now
        use(PreparedChannel.make(paths, files.options))
    }

    package var resolver: Resolver {
        Resolver(
            known: { [self] name, mode in mode == .system ? nil : known(name) },
            start: { [self] name, mode, completion in lookUp(name, mode, completion) })
    }

    package var description: Description {
        var description = Description()
        description.servers = channels.prepared?.servers ?? []
        description.domains = channels.prepared?.domains ?? []
        description.minDots = channels.prepared?.minDots ?? 1
        description.timeout = files.options.timeout
        description.attempts = files.options.attempts
        description.hostsNames = files.hosts.count
        description.systemKnowsMore = files.sources.knowsMore
        description.paths = paths
        description.failure = failure
        return description
    }

    /// Questions to DNS servers.
    var questionsUnderWay: Int { channels.underWay }

    /// After the configuration was read again.
    package func use(_ paths: ResolverPaths) {
        guard paths != self.paths else { return }
        self.paths = paths
        read(always: true)
    }

    // MARK: Look-ups

    private func lookUp(
        _ name: String, _ mode: ResolverMode, _ completion: @escaping Resolver.Completion
    ) -> Resolver.Abandon {
        read(always: channels.prepared == nil && reactor.now >= lastRead + Self.readInterval)
        switch mode {
        case .system: return askSystem(name, completion)
        case .auto, .dns: break
        }
        if let known = known(name) {
            completion(known)
            return {}
        }
        guard let prepared = channels.prepared else {
            let text = "DNS cannot be asked: \(failure ?? "there is no channel")"
            if mode == .auto { return askSystem(name, completion) }
            completion(.failed(text, source: .dns))
            return {}
        }
        let asksSystem = mode == .auto && files.sources.knowsMore
        let lookUp = NameLookUp(
            name, prepared, channels, reactor, asksSystem: asksSystem ? self : nil, completion)
        lookUp.start()
        return { lookUp.abandon() }
    }

    /// Names that no server is asked for: those of the hosts file, and localhost.
    private func known(_ name: String) -> NameAnswer? {
        if let addresses = files.hosts.addresses(of: name) { return .addresses(addresses, source: .hosts) }
        // RFC 6761 section 6.3: whatever a search domain or a server says.
        let bare = name.hasSuffix(".") ? name.dropLast() : name[...]
        guard bare == "localhost" || bare.hasSuffix(".localhost") else { return nil }
        return .addresses([IPAddress(ipv4: 0x7F00_0001), IPAddress(high: 0, low: 1)], source: .loopback)
    }

    func askSystem(_ name: String, _ completion: @escaping Resolver.Completion) -> Resolver.Abandon {
        let abandonment = Abandonment()
        let bound = LoopBound(completion, on: reactor)
        let mailbox = reactor.mailbox
        system.lookUp(name, abandonment) { answer in
            mailbox.execute { if !abandonment.isAbandoned { bound.value(answer) } }
        }
        return { abandonment.abandon() }
    }

    // MARK: Files

    private func read(always: Bool) {
        guard !isReading, always || reactor.now >= lastRead + Self.readInterval else { return }
        isReading = true
        lastRead = reactor.now
        let bound = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        let (paths, known) = (paths, files)
        readers.run {
            let changes = always ? (any: true, resolvConf: true) : known.changes()
            let files = changes.any ? ResolverFiles(paths) : nil
            let made = changes.resolvConf ? files.map { PreparedChannel.make(paths, $0.options) } : nil
            mailbox.execute { bound.value.wasRead(paths, files, made) }
        }
    }

    private func wasRead(
        _ paths: ResolverPaths, _ files: ResolverFiles?, _ made: Result<PreparedChannel, ChannelFailure>?
    ) {
        isReading = false
        guard paths == self.paths else { return read(always: true) }
        if let files { self.files = files }
        if let made { use(made) }
        if files != nil { onFilesChanged() }
    }

    private func use(_ made: Result<PreparedChannel, ChannelFailure>) {
        switch made {
        case .success(let prepared):
            do throws(SystemError) {
                try channels.use(prepared)
                failure = nil
            } catch {
                failure = "\(error)"
            }
        // The servers of the earlier file may still answer.
        case .failure(let error): failure = error.text
        }
    }
}
