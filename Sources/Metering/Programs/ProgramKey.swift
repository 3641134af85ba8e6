package import ProxyTypes

/// By what clients' connections are counted together. Value.
package enum ProgramKey: Hashable, Sendable {
    /// All programs of a systemd service.
    case unit(String, user: UInt32)
    /// The file name of an executable.
    case executable(String, user: UInt32)
    /// A program of this host of which only the user is known.
    case user(UInt32)
    case remote(AddressClass)
    /// Not even whether it is of this host.
    case unknown
    /// Beyond the bound on programs.
    case other

    /// An executable of such a name would pass for something else.
    private static func isTaken(_ name: String) -> Bool {
        name == "unknown" || name == "other" || name.contains(":") || name.hasSuffix(".service")
    }

    /// As in labels: `nginx.service`, `curl`, `user:1000`, `remote:private`, `unknown`, `other`.
    package var name: String {
        switch self {
        case .unit(let name, _): name
        case .executable(let name, _): Self.isTaken(name) ? "executable:\(name)" : name
        case .user(let user): "user:\(user)"
        case .remote(let range): "remote:\(range.name)"
        case .unknown: "unknown"
        case .other: "other"
        }
    }

    package var kind: String {
        switch self {
        case .unit: "unit"
        case .executable: "executable"
        case .user: "user"
        case .remote: "remote"
        case .unknown: "unknown"
        case .other: "other"
        }
    }

    package var user: UInt32? {
        switch self {
        case .unit(_, let user), .executable(_, let user), .user(let user): user
        case .remote, .unknown, .other: nil
        }
    }
}

/// Where clients of other hosts, or of other network namespaces, come from. Value.
package enum AddressClass: UInt8, CaseIterable, Sendable {
    case loopback, linkLocal, privateUse, publicUse

    package init(_ address: IPAddress) {
        let isIn = { (ranges: [AddressRange]) in ranges.contains { $0.contains(address) } }
        self =
            if address.isLoopback {
                .loopback
            } else if isIn(Self.linkLocalRanges) {
                .linkLocal
            } else if isIn(Self.privateRanges) {
                .privateUse
            } else {
                .publicUse
            }
    }

    package var name: String {
        switch self {
        case .loopback: "loopback"
        case .linkLocal: "link_local"
        case .privateUse: "private"
        case .publicUse: "public"
        }
    }

    private static let linkLocalRanges = [
        AddressRange(IPAddress(ipv4: 0xA9FE_0000), prefixLength: 16),
        AddressRange(IPAddress(high: 0xFE80 << 48, low: 0), prefixLength: 10),
    ]

    /// RFC 1918, RFC 4193, and RFC 6598, which providers share.
    private static let privateRanges = [
        AddressRange(IPAddress(ipv4: 0x0A00_0000), prefixLength: 8),
        AddressRange(IPAddress(ipv4: 0xAC10_0000), prefixLength: 12),
        AddressRange(IPAddress(ipv4: 0xC0A8_0000), prefixLength: 16),
        AddressRange(IPAddress(ipv4: 0x6440_0000), prefixLength: 10),
        AddressRange(IPAddress(high: 0xFC00 << 48, low: 0), prefixLength: 7),
    ]
}

/// What is known of one process of a program. Value.
package struct ProgramFacts: Hashable, Sendable {
    /// 0: unknown.
    package var process: Int32 = 0
    /// A file name, or what comes closest.
    package var executable: String?
    /// Of systemd.
    package var unit: String?

    package init(process: Int32 = 0, executable: String? = nil, unit: String? = nil) {
        self.process = process
        self.executable = executable
        self.unit = unit
    }

    /// Programs of a service count as the service; those of a session by what they are.
    package func key(user: UInt32) -> ProgramKey {
        if let unit, SystemdUnit.isService(unit) { return .unit(unit, user: user) }
        return executable.map { .executable($0, user: user) } ?? .user(user)
    }
}

/// Units of systemd by the control groups of their processes. No state.
package enum SystemdUnit {
    /// The innermost unit that a path such as `/system.slice/nginx.service` leads through; nil where there is none.
    package static func name(ofControlGroup path: some StringProtocol) -> String? {
        path.split(separator: "/").last { $0.hasSuffix(".service") || $0.hasSuffix(".scope") }.map { String($0) }
    }

    /// Not a user's manager of services, which runs in one itself, nor a scope (a session, a container).
    package static func isService(_ unit: String) -> Bool {
        unit.hasSuffix(".service") && !unit.hasPrefix("user@")
    }

    /// Of the unified hierarchy, else of systemd's own, in the text of /proc/PID/cgroup.
    package static func controlGroup(inProcessFile text: some StringProtocol) -> String? {
        let lines = text.split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        let named = lines.filter { $0.count == 3 }
        let own = named.first { $0[1] == "name=systemd" }.map { String($0[2]) }
        let unified = named.first { $0[0] == "0" }.map { String($0[2]) }
        guard let unified, unified != "/" else { return own ?? unified }
        return unified
    }
}
