package import ProxyTypes

/// Whether requests are sent on a connection before earlier ones are answered.
package enum Pipelining: String, CaseIterable, Hashable, Sendable {
    case off, idempotent
}

/// Which addresses of an origin are tried.
package enum IPFamily: String, CaseIterable, Hashable, Sendable {
    case any, ipv4, ipv6
}

/// Which of several addresses of an origin a dial tries first. Addresses that failed lately come last in any case.
package enum AddressOrder: String, CaseIterable, Hashable, Sendable {
    /// The one with the fewest connections of the pool.
    case spread
    /// As the resolver sorts them.
    case resolver
}

/// Whether the connection to an origin is encrypted.
package enum TLSMode: String, CaseIterable, Hashable, Sendable {
    case asScheme = "as_scheme"
    /// `http://` requests are sent as https too.
    case originate
}

/// Whether an origin's certificate is verified: its chain, name and dates.
package enum TLSVerification: String, CaseIterable, Hashable, Sendable {
    case full, none
}

/// The lowest version of TLS that is spoken to an origin.
package enum TLSMinVersion: String, CaseIterable, Hashable, Sendable {
    case v1_2 = "1.2"
    case v1_3 = "1.3"
}

/// What becomes of advice on an origin.
package enum AdviceMode: String, CaseIterable, Hashable, Sendable {
    case off, show
    /// What is safe is tried without asking, one change at a time.
    case auto
}

/// TCP keep-alive probes, in the kernel's terms: written `idle/interval/count`, such as `60s/10s/6`. Value.
package struct TCPKeepalive: Hashable, Sendable, CustomStringConvertible {
    package static let intervals = Interval.seconds(1)...Interval.seconds(32767)
    package static let counts = 1...127

    /// Whole seconds: the kernel counts in them.
    package let idle: Interval
    package let interval: Interval
    package let count: Int

    /// Nil where the kernel would refuse it.
    package init?(idle: Interval, interval: Interval, count: Int) {
        guard [idle, interval].allSatisfy({ Self.intervals.contains($0) && $0 == .seconds($0.wholeSeconds) }),
            Self.counts.contains(count)
        else { return nil }
        self.idle = idle
        self.interval = interval
        self.count = count
    }

    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let idle = DurationText.parse(parts[0]), let interval = DurationText.parse(parts[1]),
            let count = DecimalText.parse(parts[2])
        else { return nil }
        self.init(idle: idle, interval: interval, count: count)
    }

    package var description: String { "\(idle.wholeSeconds)s/\(interval.wholeSeconds)s/\(count)" }
}
