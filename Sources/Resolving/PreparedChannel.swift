import CAres
import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// A channel of c-ares and what was read with it. A worker makes it, as reading files may block, and hands it to one
/// loop, which alone uses it from then on: hence Sendable without a lock.
final class PreparedChannel: @unchecked Sendable {
    let channel: ares_channel
    let domains: [String]
    let minDots: Int
    /// As c-ares writes them, for people.
    let servers: [String]
    fileprivate(set) var onSocketState: (CInt, _ readable: Bool, _ writable: Bool) -> Void = { _, _, _ in }

    /// Keeps the relay.
    private init(
        _ channel: ares_channel, _ relay: Unmanaged<Relay>, domains: [String], minDots: Int, servers: [String]
    ) {
        self.channel = channel
        self.relay = relay
        self.domains = domains
        self.minDots = minDots
        self.servers = servers
        relay._withUnsafeGuaranteedRef { $0.prepared = self }
    }

    func adopt(_ handler: @escaping (CInt, _ readable: Bool, _ writable: Bool) -> Void) {
        onSocketState = handler
    }

    /// What c-ares has a pointer to, as it has to exist before the object does.
    private final class Relay {
        weak var prepared: PreparedChannel?
    }

    private let relay: Unmanaged<Relay>

    deinit {
        ares_destroy(channel)
        relay.release()
    }

    static let startLibrary: Void = {
        _ = ares_library_init(ARES_LIB_INIT_ALL)
    }()

    /// The text of a failure is for people.
    static func make(_ paths: ResolverPaths, _ options: ResolverOptions) -> Result<PreparedChannel, ChannelFailure> {
        startLibrary
        let relay = Unmanaged.passRetained(Relay())
        var chosen = ares_options()
        // No file of aliases, which the user's environment names.
        chosen.flags = ARES_FLAG_NOALIASES | (options.usesTCP ? ARES_FLAG_USEVC : 0)
        chosen.timeout = CInt(clamping: options.timeout.wholeMilliseconds)
        chosen.tries = CInt(options.attempts)
        chosen.sock_state_cb = { data, descriptor, readable, writable in
            guard let data else { return }
            Unmanaged<Relay>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.prepared?.onSocketState(descriptor, readable != 0, writable != 0)
            }
        }
        chosen.sock_state_cb_data = relay.toOpaque()
        var made: ares_channel?
        let mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF
        let code = paths.resolvConf.withCString { path in
            chosen.resolvconf_path = UnsafeMutablePointer(mutating: path)
            return ares_init_options(&made, &chosen, mask)
        }
        guard code == ARES_SUCCESS, let channel = made else {
            relay.release()
            return .failure(ChannelFailure(text: String(cString: ares_strerror(code))))
        }
        if !paths.servers.isEmpty {
            let list = paths.servers.map { "\($0.address.bracketed):\($0.port)" }.joined(separator: ",")
            _ = ares_set_servers_ports_csv(channel, list)
        }
        let (domains, minDots) = searchList(of: channel)
        return .success(
            PreparedChannel(channel, relay, domains: domains, minDots: minDots, servers: servers(of: channel)))
    }

    /// With the same configuration; reads no file.
    func another() -> PreparedChannel? {
        var saved = ares_options()
        var mask: CInt = 0
        guard ares_save_options(channel, &saved, &mask) == ARES_SUCCESS else { return nil }
        defer { ares_destroy_options(&saved) }
        let relay = Unmanaged.passRetained(Relay())
        saved.sock_state_cb_data = relay.toOpaque()
        var made: ares_channel?
        guard ares_init_options(&made, &saved, mask) == ARES_SUCCESS, let copy = made else {
            relay.release()
            return nil
        }
        // The options tell only of IPv4 servers on one port.
        var servers: UnsafeMutablePointer<ares_addr_port_node>?
        if ares_get_servers_ports(channel, &servers) == ARES_SUCCESS, let servers {
            _ = ares_set_servers_ports(copy, servers)
            ares_free_data(servers)
        }
        return PreparedChannel(copy, relay, domains: domains, minDots: minDots, servers: self.servers)
    }

    private static func searchList(of channel: ares_channel) -> (domains: [String], minDots: Int) {
        var saved = ares_options()
        var mask: CInt = 0
        guard ares_save_options(channel, &saved, &mask) == ARES_SUCCESS else { return ([], 1) }
        defer { ares_destroy_options(&saved) }
        let domains = (0..<Int(saved.ndomains)).compactMap { index in
            saved.domains?[index].map { String(cString: $0).lowercased() }
        }
        // As many as the C library takes.
        return (Array(domains.prefix(6)), Int(max(saved.ndots, 0)))
    }

    private static func servers(of channel: ares_channel) -> [String] {
        var first: UnsafeMutablePointer<ares_addr_port_node>?
        guard ares_get_servers_ports(channel, &first) == ARES_SUCCESS, let first else { return [] }
        defer { ares_free_data(first) }
        return sequence(first: first) { $0.pointee.next }.compactMap { node in
            let length = node.pointee.family == AF_INET ? 4 : 16
            return withUnsafeBytes(of: &node.pointee.addr) { bytes in
                IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes.prefix(length)))
            }.map { address in
                let port = node.pointee.udp_port
                return port == 0 || port == 53 ? address.description : "\(address.bracketed):\(port)"
            }
        }
    }
}

/// Why DNS cannot be asked.
struct ChannelFailure: Error {
    let text: String
}
