import CLinux
import ProxyTypes
package import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Puts an origin's socket settings on a new socket, before it connects. An option the kernel refuses is reported, not fatal.
package enum SocketTuning {
    /// The names of the settings that the kernel refused.
    package static func apply(_ settings: EffectiveSettings, to descriptor: CInt) -> [String] {
        var refused: [String] = []
        func set(_ name: String, _ level: CInt, _ option: CInt, _ value: CInt) {
            if clinux_set_int(descriptor, level, option, value) != 0 { refused.append(name) }
        }
        let tcp = CInt(IPPROTO_TCP)
        set("tcp_nodelay", tcp, TCP_NODELAY, settings.tcpNodelay ? 1 : 0)
        if settings.tcpQuickack { set("tcp_quickack", tcp, TCP_QUICKACK, 1) }
        if let keepalive = settings.tcpKeepalive {
            set("tcp_keepalive", SOL_SOCKET, SO_KEEPALIVE, 1)
            set("tcp_keepalive", tcp, TCP_KEEPIDLE, seconds(keepalive.idle))
            set("tcp_keepalive", tcp, TCP_KEEPINTVL, seconds(keepalive.interval))
            set("tcp_keepalive", tcp, TCP_KEEPCNT, CInt(clamping: keepalive.count))
        }
        if settings.tcpUserTimeout > .zero {
            set("tcp_user_timeout", tcp, TCP_USER_TIMEOUT, CInt(clamping: settings.tcpUserTimeout.wholeMilliseconds))
        }
        if settings.tcpFastOpen { set("tcp_fast_open", tcp, CLINUX_TCP_FASTOPEN_CONNECT, 1) }
        if let name = settings.congestionControl, clinux_set_congestion_control(descriptor, name) != 0 {
            refused.append("congestion_control")
        }
        if settings.sendBuffer > 0 { set("send_buffer", SOL_SOCKET, SO_SNDBUF, CInt(clamping: settings.sendBuffer)) }
        if settings.receiveBuffer > 0 {
            set("receive_buffer", SOL_SOCKET, SO_RCVBUF, CInt(clamping: settings.receiveBuffer))
        }
        if !settings.sourceAddress.isEmpty {
            // The port is chosen at connect, by the whole 4-tuple: binding early would use up ports per source address.
            set("source_address", CInt(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        }
        return refused
    }

    private static func seconds(_ interval: Interval) -> CInt {
        CInt(clamping: max(interval.wholeSeconds, 1))
    }
}
