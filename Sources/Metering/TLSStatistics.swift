package import ProxyTypes

/// How a handshake that succeeded was made: a label.
package enum TLSHandshakeClass: UInt8, CaseIterable, Sendable {
    case full1_2, full1_3, resumed1_2, resumed1_3

    package init(_ info: TLSInfo) {
        switch (info.isResumed, info.version) {
        case (false, .v1_2): self = .full1_2
        case (false, .v1_3): self = .full1_3
        case (true, .v1_2): self = .resumed1_2
        case (true, .v1_3): self = .resumed1_3
        }
    }

    package var isResumed: Bool {
        switch self {
        case .full1_2, .full1_3: false
        case .resumed1_2, .resumed1_3: true
        }
    }

    package var version: TLSInfo.Version {
        switch self {
        case .full1_2, .resumed1_2: .v1_2
        case .full1_3, .resumed1_3: .v1_3
        }
    }
}

/// The TLS handshakes with origins. Value; those of several loops or periods add up.
package struct TLSStatistics: Hashable, Sendable {
    package var handshakes = Counters<TLSHandshakeClass>()
    package var failures = Counters<TLSFailure.Reason>()
    /// Connections that the origin ended without having said so inside TLS.
    package var uncleanEnds = 0
    /// In microseconds, of handshakes that succeeded.
    package var fullTime = Histogram()
    package var resumedTime = Histogram()
    /// In microseconds: what resumed handshakes took less than full ones do on average.
    package var savedByResumption: Int64 = 0

    package init() {}

    package mutating func count(_ info: TLSInfo, microseconds: Int64) {
        handshakes[TLSHandshakeClass(info)] += 1
        if info.isResumed {
            resumedTime.record(microseconds: microseconds)
            if !fullTime.isEmpty { savedByResumption += max(0, Int64(fullTime.mean) - microseconds) }
        } else {
            fullTime.record(microseconds: microseconds)
        }
    }

    package static func += (a: inout TLSStatistics, b: TLSStatistics) {
        a.handshakes += b.handshakes
        a.failures += b.failures
        a.uncleanEnds += b.uncleanEnds
        a.fullTime += b.fullTime
        a.resumedTime += b.resumedTime
        a.savedByResumption += b.savedByResumption
    }

    package static func - (a: TLSStatistics, b: TLSStatistics) -> TLSStatistics {
        var made = TLSStatistics()
        made.handshakes = a.handshakes - b.handshakes
        made.failures = a.failures - b.failures
        made.uncleanEnds = a.uncleanEnds - b.uncleanEnds
        made.fullTime = a.fullTime - b.fullTime
        made.resumedTime = a.resumedTime - b.resumedTime
        made.savedByResumption = a.savedByResumption - b.savedByResumption
        return made
    }
}
