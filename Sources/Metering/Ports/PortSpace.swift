package import ProxyTypes

/// Which local ports the kernel gives to connections, and when it gives one again. Value.
///
/// A connection needs a local port that no other connection from the same address to the same address and port has, be it
/// open or in TIME_WAIT, and that no listener has.
package struct PortSpace: Hashable, Sendable {
    /// `net.ipv4.tcp_tw_reuse`: whether a connection may take the port of one that has been in TIME_WAIT for a second.
    package enum TimeWaitReuse: Int, Sendable {
        case never = 0
        case always = 1
        case onLoopback = 2
    }

    package let range: ClosedRange<UInt16>
    /// Of the range; sorted, without overlaps.
    package let reserved: [ClosedRange<UInt16>]
    package let timeWaitReuse: TimeWaitReuse
    /// How many ports of the range are not reserved.
    package let usable: Int

    /// Of Linux; no setting changes it.
    package static let timeWait = Interval.seconds(60)
    private static let reusableAfter = Interval.seconds(1)

    /// The texts of `ip_local_port_range` and `ip_local_reserved_ports`. Nil where they cannot be read.
    package init?(range text: String, reserved: String, timeWaitReuse: TimeWaitReuse) {
        let bounds = text.split(whereSeparator: \.isWhitespace).map { DecimalText.parse($0, as: UInt16.self) }
        guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first <= last else { return nil }
        range = first...last
        self.timeWaitReuse = timeWaitReuse
        var kept: [ClosedRange<UInt16>] = []
        for part in reserved.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-").map { DecimalText.parse($0, as: UInt16.self) }
            guard ends.count <= 2, let low = ends.first ?? nil, let high = ends.last ?? nil, low <= high else {
                return nil
            }
            guard high >= first, low <= last else { continue }
            kept.append(max(low, first)...min(high, last))
        }
        self.reserved = Self.merged(kept)
        usable = range.count - self.reserved.reduce(0) { $0 + $1.count }
    }

    private static func merged(_ ranges: [ClosedRange<UInt16>]) -> [ClosedRange<UInt16>] {
        var result: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }

    package func contains(_ port: UInt16) -> Bool {
        range.contains(port) && !reserved.contains { $0.contains(port) }
    }

    /// How long TIME_WAIT keeps a port of this path.
    package func blocking(_ path: PortPath) -> Interval {
        switch timeWaitReuse {
        case .never: Self.timeWait
        case .always: Self.reusableAfter
        case .onLoopback:
            path.source.isLoopback || path.destination.address.isLoopback ? Self.reusableAfter : Self.timeWait
        }
    }

    /// Fewer free ports than this are few. Then connd opens no more than it needs, until `enough` are free.
    package var few: Int { min(max(usable / 10, 8), 1000) }
    package var enough: Int { few + few / 2 }
    /// The last ones, which connd leaves to other programs of the host.
    package var left: Int { few / 2 }
}

/// From where to where connections lead. Those on one path must differ in their local ports. Value.
package struct PortPath: Hashable, Sendable, CustomStringConvertible {
    package let source: IPAddress
    package let destination: Endpoint

    package init(source: IPAddress, destination: Endpoint) {
        self.source = source
        self.destination = destination
    }

    package var description: String { "\(source) to \(destination)" }
}
