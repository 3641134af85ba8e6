import CLinux
import ProxyTypes
import Reactor
import Testing
import Tuning

@testable import Upstream

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Socket settings and the kernel")
struct SocketTuningTests {
    private func refusals(_ change: (inout EffectiveSettings) -> Void) throws -> [SocketTuning.Refusal] {
        var settings = EffectiveSettings()
        change(&settings)
        let descriptor = clinux_socket(4)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        return SocketTuning.refusals(SocketTuning.options(settings).apply(to: descriptor))
    }

    @Test("what the kernel takes is not reported")
    func taken() throws {
        let refused = try refusals {
            $0.tcpQuickack = true
            $0.tcpKeepalive = TCPKeepalive(idle: .seconds(60), interval: .seconds(10), count: 6)
            $0.tcpUserTimeout = .seconds(30)
            $0.congestionControl = "reno"
            $0.sendBuffer = 16 << 10
            $0.receiveBuffer = 16 << 10
            $0.sourceAddress = [IPAddress("127.0.0.9")].compactMap { $0 }
        }
        #expect(refused.isEmpty)
    }

    @Test("each that it refuses, or cuts, is reported once and keeps none of the others from being set")
    func refused() throws {
        let refused = try refusals {
            $0.congestionControl = "nosuch"
            $0.sendBuffer = 1 << 30
            $0.receiveBuffer = 16 << 10
        }
        #expect(refused.map(\.setting) == [.congestionControl, .sendBuffer])
        #expect(refused.first?.cause == .failed(ENOENT))
    }

    @Test("the kernel is asked beforehand, and what it has instead is named")
    func objections() throws {
        let unknown = try #require(SocketTuning.objection(to: .congestionControl, .word("nosuch")))
        #expect(unknown.contains("no `nosuch`") && unknown.contains("reno"))
        let buffer = try #require(SocketTuning.objection(to: .receiveBuffer, .size(1 << 30)))
        #expect(buffer.contains("net.core.rmem_max"))
        let foreign = [IPAddress("127.0.0.9"), IPAddress("192.0.2.1")].compactMap { $0 }
        #expect(
            SocketTuning.objection(to: .sourceAddress, .addresses(foreign)) == "192.0.2.1 is no address of this host")
        for (setting, value) in [
            (.congestionControl, .word("reno")), (.congestionControl, .unset), (.tcpQuickack, .flag(true)),
            (.sendBuffer, .size(0)), (.sourceAddress, .addresses([foreign[0]])), (.maxConnections, .count(1)),
        ] as [(Setting, SettingValue)] {
            #expect(SocketTuning.objection(to: setting, value) == nil, "\(setting.name)")
        }
    }

    @Test("a refusal is told once, and again when the settings are others")
    func told() {
        var settings = EffectiveSettings()
        settings.congestionControl = "nosuch"
        let refusal = SocketTuning.Refusal(setting: .congestionControl, cause: .failed(ENOENT))
        var refused = RefusedSettings()
        #expect(refused.note(refusal, settings)?.contains("nosuch") == true)
        #expect(refused.note(refusal, settings) == nil && refused.all.count == 1)
        refused.forget()
        #expect(refused.all.isEmpty && refused.note(refusal, settings) != nil)
    }
}
