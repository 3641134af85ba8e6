import CLinux
import ProxyTypes
package import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Puts an origin's socket settings on a new socket, before it connects. What the kernel refuses is reported, not fatal.
package enum SocketTuning {
    /// A setting that the kernel did not take as it was given. Value.
    package struct Refusal: Hashable, Sendable {
        package enum Cause: Hashable, Sendable {
            /// The error's number.
            case failed(CInt)
            /// It gives no more than so many bytes.
            case capped(Int)
        }

        package let setting: Setting
        package let cause: Cause
    }

    package static func apply(_ settings: EffectiveSettings, to descriptor: CInt) -> [Refusal] {
        var refused: [Refusal] = []
        func refuse(_ setting: Setting, _ cause: Refusal.Cause) {
            if refused.last?.setting != setting { refused.append(Refusal(setting: setting, cause: cause)) }
        }
        func set(_ setting: Setting, _ level: CInt, _ option: CInt, _ value: CInt) {
            if clinux_set_int(descriptor, level, option, value) != 0 { refuse(setting, .failed(errno)) }
        }
        func setBuffer(_ setting: Setting, _ option: CInt, _ size: Int) {
            guard size > 0 else { return }
            set(setting, SOL_SOCKET, option, CInt(clamping: size))
            // What is over its limit the kernel cuts without a word; it counts what it gives twice.
            let given = Int(clinux_get_int(descriptor, SOL_SOCKET, option)) / 2
            if given < size { refuse(setting, .capped(given)) }
        }
        let tcp = CInt(IPPROTO_TCP)
        set(.tcpNodelay, tcp, TCP_NODELAY, settings.tcpNodelay ? 1 : 0)
        // Until the first bytes go out; from then on the stream sets it again after each read.
        if settings.tcpQuickack { set(.tcpQuickack, tcp, TCP_QUICKACK, 1) }
        if let keepalive = settings.tcpKeepalive {
            set(.tcpKeepalive, SOL_SOCKET, SO_KEEPALIVE, 1)
            set(.tcpKeepalive, tcp, TCP_KEEPIDLE, seconds(keepalive.idle))
            set(.tcpKeepalive, tcp, TCP_KEEPINTVL, seconds(keepalive.interval))
            set(.tcpKeepalive, tcp, TCP_KEEPCNT, CInt(clamping: keepalive.count))
        }
        if settings.tcpUserTimeout > .zero {
            set(.tcpUserTimeout, tcp, TCP_USER_TIMEOUT, CInt(clamping: settings.tcpUserTimeout.wholeMilliseconds))
        }
        if settings.tcpFastOpen { set(.tcpFastOpen, tcp, CLINUX_TCP_FASTOPEN_CONNECT, 1) }
        if let name = settings.congestionControl, clinux_set_congestion_control(descriptor, name) != 0 {
            refuse(.congestionControl, .failed(errno))
        }
        setBuffer(.sendBuffer, SO_SNDBUF, settings.sendBuffer)
        setBuffer(.receiveBuffer, SO_RCVBUF, settings.receiveBuffer)
        if !settings.sourceAddress.isEmpty {
            // The port is chosen at connect, by the whole 4-tuple: binding early would use up ports per source address.
            set(.sourceAddress, CInt(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        }
        return refused
    }

    private static func seconds(_ interval: Interval) -> CInt {
        CInt(clamping: max(interval.wholeSeconds, 1))
    }
}

// MARK: Asking beforehand

extension SocketTuning {
    /// Why this host's kernel does not take a value, asked with a socket that is thrown away; nil where it does.
    package static func objection(to setting: Setting, _ value: SettingValue) -> String? {
        guard judged.contains(setting), value != setting.definition.defaultValue else { return nil }
        var values = SettingValues()
        values[setting] = value
        let settings = EffectiveSettings(values)
        for address in settings.sourceAddress where setting == .sourceAddress {
            if let code = failureToBind(address) { return reason(address, code) }
        }
        return withSocket(of: 4) { descriptor in
            apply(settings, to: descriptor).first { $0.setting == setting }.map { reason($0, settings) }
        } ?? nil
    }

    private static let judged: Set<Setting> = [
        .tcpNodelay, .tcpQuickack, .tcpKeepalive, .tcpUserTimeout, .tcpFastOpen, .congestionControl, .sendBuffer,
        .receiveBuffer, .sourceAddress,
    ]

    private static func failureToBind(_ address: IPAddress) -> CInt? {
        let bytes = address.bytes
        let code = withSocket(of: CInt(bytes.count)) { clinux_bind($0, bytes, CInt(bytes.count), 0) } ?? 0
        return code == 0 ? nil : -code
    }

    /// Nil where there is none to be had.
    private static func withSocket<Result>(of length: CInt, _ body: (CInt) -> Result) -> Result? {
        let descriptor = clinux_socket(length)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return body(descriptor)
    }

    private static func reason(_ address: IPAddress, _ code: CInt) -> String {
        code == EADDRNOTAVAIL
            ? "\(address) is no address of this host" : "\(address): \(String(cString: strerror(code)))"
    }

    /// Reads on after the setting's name.
    package static func reason(_ refusal: Refusal, _ settings: EffectiveSettings) -> String {
        let code: CInt
        switch refusal.cause {
        case .capped(let size):
            let limit = refusal.setting == .sendBuffer ? "net.core.wmem_max" : "net.core.rmem_max"
            return "the kernel allows at most \(size) bytes: lower it, or raise the sysctl \(limit)"
        case .failed(let number): code = number
        }
        switch (refusal.setting, code) {
        case (.congestionControl, ENOENT):
            return "the kernel has no `\(settings.congestionControl ?? "")`; it has \(algorithms("available"))"
        case (.congestionControl, EPERM):
            return "the kernel allows `\(settings.congestionControl ?? "")` for root only; other users may use "
                + algorithms("allowed")
        case (.tcpFastOpen, EOPNOTSUPP): return "the kernel has it off for clients: see net.ipv4.tcp_fastopen"
        default: return "the kernel refuses it: \(String(cString: strerror(code)))"
        }
    }

    private static func algorithms(_ which: String) -> String {
        let name = "net.ipv4.tcp_\(which)_congestion_control"
        guard let file = fopen("/proc/sys/net/ipv4/tcp_\(which)_congestion_control", "re") else {
            return "those of \(name)"
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        guard fgets(&line, CInt(line.count), file) != nil else { return "those of \(name)" }
        let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }.joined(separator: ", ")
    }
}
