import ProxyTypes
import Resolving
import TLS
import Tuning
import Upstream

/// An origin: hosts that answer at its addresses as planned, and a name that resolves to them.
final class OriginMachine {
    unowned(unsafe) let world: World
    let index: Int
    let plan: OriginPlan
    /// The current result of looking up the name.
    var names = OriginPlan.Names.addresses
    private var listeners: [PeerListener] = []
    var connections: [OriginConnection] = []
    /// The settings that the control plane has given to connd.
    private(set) var settings: EffectiveSettings
    let addresses: [IPAddress]
    /// The host as requests name it.
    let host: String
    let origin: Origin
    let tunnelOrigin: Origin
    let endpoints: [Endpoint]
    let tunnelEndpoints: [Endpoint]
    /// When connd was told that no connection that it has is to serve again.
    private var drains: [Instant] = []
    /// The highest setting during the run: decisions under an earlier one may still be under way.
    private(set) var mostRetries: Int
    private(set) var everPipelined: Bool

    /// Host and port as requests name them.
    let authority: String
    let port: UInt16
    private var handshakes = 0
    /// When settings were changed, and when files were.
    private var lastChange = Instant.zero
    private var fileChanges: [FileChange] = []

    private struct FileChange {
        let at: Instant
        let file: String?
        let version: Int
    }

    static let plainPort: UInt16 = 80
    static let tunnelPort: UInt16 = 443

    init(_ plan: OriginPlan, index: Int, in world: World) {
        self.plan = plan
        self.index = index
        self.world = world
        settings = plan.settings
        let addresses = (0..<max(plan.addressCount, 1)).map {
            IPAddress(ipv4: 0x0A01_0000 | UInt32(index) << 8 | UInt32($0 + 1))
        }
        self.addresses = addresses
        host = plan.isLiteral ? addresses[0].description : "o\(index).test"
        port = plan.tls == nil ? Self.plainPort : SimulatedKernel.encryptedPort
        authority = plan.tls == nil ? host : "\(host):\(port)"
        origin = Origin(scheme: plan.tls == nil ? .http : .https, host: host, port: port)
        tunnelOrigin = Origin(scheme: .https, host: host, port: Self.tunnelPort)
        let port = port
        endpoints = addresses.map { Endpoint(address: $0, port: port) }
        tunnelEndpoints = addresses.map { Endpoint(address: $0, port: Self.tunnelPort) }
        mostRetries = plan.settings.maxRetries
        everPipelined = plan.settings.pipelining != .off
    }

    func set(_ settings: EffectiveSettings) {
        if !settings.hasProfile(of: self.settings) {
            lastChange = world.now
            noteDrain()
        }
        self.settings = settings
        mostRetries = max(mostRetries, settings.maxRetries)
        everPipelined = everPipelined || settings.pipelining != .off
    }

    /// How requests name it.
    func scheme(of request: RequestPlan) -> String {
        guard let tls = plan.tls else { return "http" }
        return tls.isOriginated && request.nonce % 2 == 0 ? "http" : "https"
    }

    var answer: NameAnswer {
        switch names {
        case .addresses: .addresses(addresses)
        case .last(let count): .addresses(addresses.suffix(max(count, 1)))
        case .noSuchName: .noSuchName("no such name")
        case .failed: .failed("no server answers")
        }
    }

    func noteFiles(_ file: String?, version: Int) {
        guard settings.tlsCaFile == file else { return }
        fileChanges.append(FileChange(at: world.now, file: file, version: version))
    }

    /// Files are looked at every 5 s, and loading them takes a while.
    private static let reloadTime = Interval.seconds(6)

    /// Whether the request may come on a connection that was opened with this profile and these files.
    func check(_ tls: OriginTLS, dialledAt: Instant, _ sighting: Sighting) {
        guard let hello = tls.hello else { return }
        let context = world.tls.contexts[Int(hello.context)]
        if lastChange + .milliseconds(60) < dialledAt,
            !settings.hasProfile(world.tls.peers[Int(hello.peer)].profile)
        {
            world.violated(.obeyed, "\(sighting.account.request.nonce) came with another TLS profile")
        }
        let known = fileChanges.last { $0.at + Self.reloadTime < sighting.account.sentAt }
        if let known, known.file == context.key.files.authorities, context.version < known.version {
            world.violated(.obeyed, "\(sighting.account.request.nonce) came with files that have changed")
        }
    }

    func noteDrain() { drains.append(world.now) }

    /// The last one that was carried out before the request can have been granted a connection. A login that is under
    /// way is spared by it.
    func lastDrain(before sighting: Sighting) -> Instant? {
        let path = world.scenario.originPath
        let travel = path.maxLatency + path.maxLatency
        return drains.last { time in
            let done = time + .milliseconds(60)
            return done < sighting.account.sentAt || path.isPlain && done + travel < world.now
        }
    }

    // MARK: The network

    func start() {
        for (place, address) in addresses.enumerated() {
            world.network.setName(
                "origin \(index)\(place > 0 ? " (\(place))" : "")", of: Endpoint(address: address, port: 0))
            for port in [port, Self.tunnelPort] {
                let endpoint = Endpoint(address: address, port: port)
                world.network.setPath(world.scenario.originPath, to: endpoint)
                listeners.append(
                    world.network.listen(at: endpoint) { [unowned self] socket in
                        accept(socket, isTunnel: port == Self.tunnelPort)
                    })
            }
        }
    }

    func tearDown() {
        for connection in connections { connection.tearDown() }
        connections.removeAll()
    }

    private func accept(_ socket: PeerSocket, isTunnel: Bool) {
        let number = world.nextConnectionNumber()
        if let plan = plan.tls, !isTunnel {
            let tls = OriginTLS(self, socket, plan, plan.handshake(handshakes))
            handshakes += 1
            let connection = OriginConnection(self, socket, tls, number: number, isTunnel: false)
            connections.append(connection)
            // It rests when the handshake is over.
            return tls.begin(connection)
        }
        let connection = OriginConnection(self, socket, nil, number: number, isTunnel: isTunnel)
        connections.append(connection)
        socket.owner = connection
        connection.restsIdle()
    }

    func forget(_ connection: OriginConnection) {
        connections.removeAll { $0 === connection }
    }

    func set(_ reach: Happening.Reach, address: Int) {
        let reached = addresses[address % addresses.count]
        for port in [port, Self.tunnelPort] {
            var path = world.network.path(to: Endpoint(address: reached, port: port))
            path.isSilent = false
            path.connecting = .open
            switch reach {
            case .open: break
            case .refused: path.connecting = .refused
            case .blackHole: path.connecting = .blackHole
            case .noRoute: path.connecting = .unreachable
            case .noLocalPort: path.connecting = .noLocalPort
            case .timesOut: path.connecting = .timesOut(.milliseconds(50))
            case .hostUnreachable: path.connecting = .hostUnreachable
            case .silent: path.isSilent = true
            }
            world.network.setPath(path, to: Endpoint(address: reached, port: port))
        }
    }

    /// The hosts lose all state of their connections, silently.
    func restart() {
        for connection in connections { connection.vanish() }
        connections.removeAll()
    }

    func endIdle(_ manner: IdleEnd.Manner) {
        for connection in connections where connection.isIdle { connection.end(manner) }
    }
}

extension EffectiveSettings {
    /// Whether connections under these settings may be used under the others.
    func hasProfile(of other: EffectiveSettings) -> Bool {
        tlsVerify == other.tlsVerify && tlsMinVersion == other.tlsMinVersion && tlsCaFile == other.tlsCaFile
            && tlsServerName == other.tlsServerName && tlsPins == other.tlsPins
    }

    func hasProfile(_ profile: TLSProfile) -> Bool {
        (tlsVerify == .full) == (profile.verification == .full)
            && (tlsMinVersion == .v1_3) == (profile.minVersion == .v1_3)
            && tlsCaFile == profile.files.authorities && tlsServerName == profile.serverName
            && tlsPins == profile.pins
    }
}
