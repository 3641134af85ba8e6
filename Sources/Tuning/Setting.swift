import ProxyTypes

/// One setting of an origin. `SettingTable` holds name, kind, default, and when a change takes effect.
package enum Setting: UInt8, CaseIterable, Hashable, BitwiseCopyable, Sendable {
    case maxConnections, maxIdle, minIdle, maxRequestsPerConnection, maxLifetime, lifetimeJitter, idleTimeout
    case keepAliveMargin, idleExploration, reuseOrder, pipelining, pipelineDepth, maxQueue, queueTimeout
    case connectTimeout, tlsTimeout, headersTimeout, bodyIdleTimeout, expectContinueTimeout, closeLinger
    case tunnelIdleTimeout, maxTunnels, maxRetries, replayBuffer
    case tcpNodelay, tcpQuickack, tcpKeepalive, tcpUserTimeout, tcpIdleProbe, tcpFastOpen, congestionControl
    case sendBuffer, receiveBuffer, sourceAddress, ipFamily, addressOrder, happyEyeballsDelay, resolver
    case dnsMinTTL, dnsMaxTTL, dnsServeStale
    case tls, tlsVerify, tlsCaFile, tlsClientCert, tlsClientKey, tlsServerName, tlsMinVersion, tlsPin
    case intercept, interceptExcept, advice

    package var definition: SettingDefinition { Self.table[Int(rawValue)] }
    package var name: String { definition.name }
    package var defaultValue: SettingValue { definition.defaultValue }

    /// Whether this value, in a higher layer, leaves the learned value in force.
    func defersToLearned(_ value: SettingValue) -> Bool { value == .unset && definition.defersToLearned }

    /// Whether the value may be set at run time only with a reason. A file needs none: it has room for a comment.
    package func needsReason(for value: SettingValue) -> Bool { isUnverifying(value) }

    /// Whether the value turns off the verification of certificates.
    func isUnverifying(_ value: SettingValue) -> Bool {
        self == .tlsVerify && value == .word(TLSVerification.none.rawValue)
    }

    /// By its name in files, API and CLI.
    package init?(name: some StringProtocol) {
        guard let setting = Self.byName[String(name)] else { return nil }
        self = setting
    }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
}

/// One row of the table of settings. Value.
package struct SettingDefinition: Sendable {
    package enum Effect: String, Sendable {
        case atOnce = "at once"
        case newConnections = "new connections"
        case newLeases = "new leases"
        case newRequests = "new requests"
        case newExchanges = "new exchanges"
        case newTunnels = "new tunnels"
        case nextLookUp = "next look-up"
    }

    package enum Availability: Hashable, Sendable {
        case now
        /// Known, but only its default is supported; the payload says what is missing.
        case notYet(needs: String)
    }

    package let setting: Setting
    package let name: String
    package let kind: SettingKind
    package let defaultValue: SettingValue
    package let effect: Effect
    package let availability: Availability
    package let help: String
    /// Whether `unset`, in any layer, defers to the learned value.
    let defersToLearned: Bool

    init(
        _ setting: Setting, _ name: String, _ kind: SettingKind, _ defaultValue: SettingValue, _ effect: Effect,
        _ help: String, availability: Availability = .now, defersToLearned: Bool = false
    ) {
        self.setting = setting
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.effect = effect
        self.availability = availability
        self.help = help
        self.defersToLearned = defersToLearned
    }
}
