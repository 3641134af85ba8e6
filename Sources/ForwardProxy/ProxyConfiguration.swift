package import HTTPWire
package import ProxyTypes

/// What the proxy as a whole obeys; what belongs to an origin is in EffectiveSettings. Value.
package struct ProxyConfiguration: Sendable {
    package var allowFrom: [AddressRange] = []
    package var destinations = DestinationPolicy()
    package var maxClientConnections = 10_000
    package var maxUpstreamConnections = 4096
    package var headLimits = HeadLimits()
    package var maxBuffer = 256 * 1024
    package var clientHeadTimeout = Interval.seconds(10)
    package var clientIdleTimeout = Interval.minutes(5)
    package var clientBodyTimeout = Interval.seconds(60)
    /// Of clients that have asked no origin yet.
    package var closeLinger = Interval.seconds(2)
    /// Exchanges that took this long are kept for an operator to look at; zero: only those that failed.
    package var slowExchange = Interval.seconds(1)

    /// Whether clients' connections are attributed to the programs that opened them.
    package var attributesPrograms = true

    package init() {}

    /// Told to HTTP/1.0 clients, which may stop at it; there is no limit here.
    static let keepAliveMax = 1000
    /// Requests of one client that may be under way at once; the next waits unread.
    static let maxPipelined = 16
    /// A body part up to this size is written together with the head before it, larger ones on their own.
    static let coalesced = 16 * 1024
    /// What the loop's scratch keeps of its memory between two responses.
    static let keptScratch = 64 * 1024
}
