package import ProxyTypes

/// What became of CONNECTs to one origin with `intercept: on`. Value.
package struct InterceptStatistics: Hashable, Sendable {
    /// Clients' handshakes that connd completed: in full, or resumed.
    package var full = 0
    package var resumed = 0
    /// In microseconds, from the ClientHello.
    package var handshakeTime = Histogram()
    /// Tunnelled instead.
    package var spliced = Counters<SpliceReason>()
    /// Clients that refused connd's certificate.
    package var refused = 0
    /// Clients' handshakes that failed otherwise.
    package var failed = 0
    /// Requests inside for another authority than that of CONNECT.
    package var misdirected = 0

    package init() {}

    package static func += (a: inout InterceptStatistics, b: InterceptStatistics) {
        a.full += b.full
        a.resumed += b.resumed
        a.handshakeTime += b.handshakeTime
        a.spliced += b.spliced
        a.refused += b.refused
        a.failed += b.failed
        a.misdirected += b.misdirected
    }

    package static func - (a: InterceptStatistics, b: InterceptStatistics) -> InterceptStatistics {
        var made = InterceptStatistics()
        made.full = a.full - b.full
        made.resumed = a.resumed - b.resumed
        made.handshakeTime = a.handshakeTime - b.handshakeTime
        made.spliced = a.spliced - b.spliced
        made.refused = a.refused - b.refused
        made.failed = a.failed - b.failed
        made.misdirected = a.misdirected - b.misdirected
        return made
    }
}
