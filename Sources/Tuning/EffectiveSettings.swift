package import ProxyTypes

/// The effective settings of one origin, resolved and typed. Value.
///
/// `Interval.zero` means "none" in `headersTimeout`, `bodyIdleTimeout` and `tunnelIdleTimeout`, "no wait" in
/// `expectContinueTimeout` and `closeLinger`, "the kernel's" in `tcpUserTimeout`, and "off" in `tcpIdleProbe`; 0 means
/// "no limit" in `maxRequestsPerConnection`, "no replay" in `replayBuffer`, and "the kernel's" in the two socket buffers.
package struct EffectiveSettings: Hashable, Sendable {
    package var maxConnections: Int
    /// At most `maxConnections`.
    package var maxIdle: Int
    /// At most `maxIdle`.
    package var minIdle: Int
    package var maxRequestsPerConnection: Int
    package var maxLifetime: Interval
    /// In percent of `maxLifetime`.
    package var lifetimeJitter: Int
    package var idleTimeout: IdleTimeout
    package var keepAliveMargin: Interval
    package var idleExploration: Bool
    package var reuseOrder: ReuseOrder
    package var pipelining: Pipelining
    package var pipelineDepth: Int
    package var maxQueue: Int
    package var queueTimeout: Interval
    package var connectTimeout: Interval
    package var tlsTimeout: Interval
    package var headersTimeout: Interval
    package var bodyIdleTimeout: Interval
    package var expectContinueTimeout: Interval
    package var closeLinger: Interval
    package var tunnelIdleTimeout: Interval
    package var maxTunnels: Int
    package var maxRetries: Int
    package var replayBuffer: Int
    package var tcpNodelay: Bool
    package var tcpQuickack: Bool
    package var tcpKeepalive: TCPKeepalive?
    package var tcpUserTimeout: Interval
    package var tcpIdleProbe: Interval
    package var tcpFastOpen: Bool
    package var congestionControl: String?
    package var sendBuffer: Int
    package var receiveBuffer: Int
    /// Empty: chosen by the kernel.
    package var sourceAddress: [IPAddress]
    package var ipFamily: IPFamily
    package var addressOrder: AddressOrder
    package var happyEyeballsDelay: Interval
    package var resolver: ResolverMode
    package var dnsMinTTL: Interval
    /// At least `dnsMinTTL`.
    package var dnsMaxTTL: Interval
    package var dnsServeStale: Interval
    package var tls: TLSMode
    package var tlsVerify: TLSVerification
    /// Nil: the system's.
    package var tlsCaFile: String?
    /// Nil where `tlsClientKey` is nil, and the reverse.
    package var tlsClientCert: String?
    package var tlsClientKey: String?
    /// A name, or an address without brackets; nil: the origin's host.
    package var tlsServerName: String?
    package var tlsMinVersion: TLSMinVersion
    /// The origin must have one of these keys; empty: any.
    package var tlsPins: [PublicKeyPin]
    package var intercept: Bool
    /// With `intercept`: clients that are tunnelled all the same.
    package var interceptExcept: ClientExceptions
    package var advice: AdviceMode

    private static let defaults = EffectiveSettings(SettingValues())

    /// All defaults.
    package init() {
        self = Self.defaults
    }

    /// Values that contradict each other across layers (a host's `max_connections` below the global `min_idle`) are
    /// limited here; within one file the loader refuses them.
    package init(_ values: SettingValues) {
        maxConnections = values.number(.maxConnections)
        maxIdle = min(values.optionalNumber(.maxIdle) ?? maxConnections, maxConnections)
        minIdle = min(values.number(.minIdle), maxIdle)
        maxRequestsPerConnection = values.number(.maxRequestsPerConnection)
        maxLifetime = values.interval(.maxLifetime)
        lifetimeJitter = values.number(.lifetimeJitter)
        idleTimeout = values.optionalInterval(.idleTimeout).map { .fixed($0) } ?? .auto
        keepAliveMargin = values.interval(.keepAliveMargin)
        idleExploration = values.flag(.idleExploration)
        reuseOrder = values.choice(.reuseOrder, or: .lifo)
        pipelining = values.choice(.pipelining, or: .off)
        pipelineDepth = values.number(.pipelineDepth)
        maxQueue = values.number(.maxQueue)
        queueTimeout = values.interval(.queueTimeout)
        connectTimeout = values.interval(.connectTimeout)
        tlsTimeout = values.interval(.tlsTimeout)
        headersTimeout = values.interval(.headersTimeout)
        bodyIdleTimeout = values.interval(.bodyIdleTimeout)
        expectContinueTimeout = values.interval(.expectContinueTimeout)
        closeLinger = values.interval(.closeLinger)
        tunnelIdleTimeout = values.interval(.tunnelIdleTimeout)
        maxTunnels = values.number(.maxTunnels)
        maxRetries = values.number(.maxRetries)
        replayBuffer = values.number(.replayBuffer)
        tcpNodelay = values.flag(.tcpNodelay)
        tcpQuickack = values.flag(.tcpQuickack)
        tcpKeepalive = values.keepalive(.tcpKeepalive)
        tcpUserTimeout = values.interval(.tcpUserTimeout)
        tcpIdleProbe = values.interval(.tcpIdleProbe)
        tcpFastOpen = values.flag(.tcpFastOpen)
        congestionControl = values.word(.congestionControl)
        sendBuffer = values.number(.sendBuffer)
        receiveBuffer = values.number(.receiveBuffer)
        sourceAddress = values.addresses(.sourceAddress)
        ipFamily = values.choice(.ipFamily, or: .any)
        addressOrder = values.choice(.addressOrder, or: .spread)
        resolver = values.choice(.resolver, or: .auto)
        happyEyeballsDelay = values.interval(.happyEyeballsDelay)
        dnsMinTTL = values.interval(.dnsMinTTL)
        dnsMaxTTL = max(values.interval(.dnsMaxTTL), dnsMinTTL)
        dnsServeStale = values.interval(.dnsServeStale)
        tls = values.choice(.tls, or: .asScheme)
        tlsVerify = values.choice(.tlsVerify, or: .full)
        tlsCaFile = values.word(.tlsCaFile)
        let (cert, key) = (values.word(.tlsClientCert), values.word(.tlsClientKey))
        tlsClientCert = key == nil ? nil : cert
        tlsClientKey = cert == nil ? nil : key
        tlsServerName = values.word(.tlsServerName).map { text in
            (try? OriginHost(parsing: text))?.address?.description ?? text
        }
        tlsMinVersion = values.choice(.tlsMinVersion, or: .v1_2)
        tlsPins = values.pins(.tlsPin)
        intercept = values.flag(.intercept)
        interceptExcept = ClientExceptions(values.clients(.interceptExcept))
        advice = values.choice(.advice, or: .show)
    }
}
