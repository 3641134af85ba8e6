import CLinux
import ProxyTypes
package import Reactor
package import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Turns an origin's settings into socket options, and what the kernel refuses of them into words.
package enum SocketTuning {
    /// A setting that the kernel did not take as it was given. Value.
    package struct Refusal: Hashable, Sendable {
        package let setting: Setting
        package let cause: SocketOptions.Refusal.Cause
    }

    static func refusals(_ refusals: [SocketOptions.Refusal]) -> [Refusal] {
        refusals.map { Refusal(setting: setting(of: $0.option), cause: $0.cause) }
    }

    private static func setting(of option: SocketOptions.Option) -> Setting {
        switch option {
        case .noDelay: .tcpNodelay
        case .quickAcknowledgement: .tcpQuickack
        case .keepAlive: .tcpKeepalive
        case .userTimeout: .tcpUserTimeout
        case .fastOpen: .tcpFastOpen
        case .congestionControl: .congestionControl
        case .sendBuffer: .sendBuffer
        case .receiveBuffer: .receiveBuffer
        case .lateBinding: .sourceAddress
        }
    }

    package static func options(_ settings: EffectiveSettings) -> SocketOptions {
        var options = SocketOptions()
        options.noDelay = settings.tcpNodelay
        options.quickAcknowledgement = settings.tcpQuickack
        options.keepAlive = settings.tcpKeepalive.map {
            SocketOptions.KeepAlive(
                idle: seconds($0.idle), interval: seconds($0.interval), count: CInt(clamping: $0.count))
        }
        options.userTimeout = settings.tcpUserTimeout
        options.fastOpen = settings.tcpFastOpen
        options.congestionControl = settings.congestionControl
        options.sendBuffer = settings.sendBuffer
        options.receiveBuffer = settings.receiveBuffer
        options.lateBinding = !settings.sourceAddress.isEmpty
        return options
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
            refusals(options(settings).apply(to: descriptor)).first { $0.setting == setting }
                .map { reason($0, settings) }
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
