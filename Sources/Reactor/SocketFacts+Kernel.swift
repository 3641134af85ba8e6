import CLinux
import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

extension SocketFacts {
    /// Nil where `descriptor` is no TCP socket.
    init?(readFrom descriptor: CInt) {
        self.init()
        func tcp(_ name: CInt) -> Int { Int(clinux_get_int(descriptor, CInt(IPPROTO_TCP), name)) }
        func socket(_ name: CInt) -> Int { Int(clinux_get_int(descriptor, SOL_SOCKET, name)) }
        guard tcp(TCP_NODELAY) >= 0 else { return nil }
        noDelay = tcp(TCP_NODELAY) != 0
        quickAcknowledgement = tcp(TCP_QUICKACK) > 0
        if socket(SO_KEEPALIVE) > 0 {
            keepAlive = KeepAlive(idle: tcp(TCP_KEEPIDLE), interval: tcp(TCP_KEEPINTVL), count: tcp(TCP_KEEPCNT))
        }
        userTimeout = max(tcp(TCP_USER_TIMEOUT), 0)
        fastOpen = tcp(CLINUX_TCP_FASTOPEN_CONNECT) > 0
        var name = [CChar](repeating: 0, count: 16)
        if clinux_get_congestion_control(descriptor, &name, CInt(name.count)) == 0 {
            congestionControl = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        sendBuffer = max(socket(SO_SNDBUF), 0) / 2
        receiveBuffer = max(socket(SO_RCVBUF), 0) / 2
    }
}
