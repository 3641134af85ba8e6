import AdminAPI
import ConfigurationFile
import ForwardProxy
import ProxyTypes
import Reactor
import Systemd
import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// A new configuration being applied: everything that can fail is done first and can be undone; after that nothing
/// fails. Value, used once.
struct Reconfiguration {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    let fresh: LoadedConfiguration
    private(set) var opened: [ListeningSocket] = []
    /// Can only be opened after those in `closing`, or the admin API's old ones, are closed.
    private(set) var openedLate: [ListenAddress] = []
    private(set) var closing: [ListenAddress] = []
    private(set) var accessLog: AccessLog.Opened?
    private(set) var admin: [AdminListener] = []
    private(set) var token: AdminToken?
    /// Default addresses only; for a configured one the reload is refused.
    private(set) var unopened: [UnopenedListener] = []
    /// Remarks for the operator about the reload as a whole.
    private(set) var notes: [String] = []

    /// `held`: the proxy's own listeners, without those passed by systemd.
    init(
        to fresh: LoadedConfiguration, from old: LoadedConfiguration, held: [ListenAddress], passed: PassedSockets,
        environment: [String: String]
    ) throws(Refused) {
        self.fresh = fresh
        let (new, before) = (fresh.configuration, old.configuration)
        admin = Self.adminListeners(fresh, passed)
        do throws(Refused) {
            if !admin.isEmpty, let path = new.adminTokenPath(environment: environment) {
                token = try Self.named("admin.token_file", in: fresh) { try AdminToken.load(path) }
            }
            let left = before.admin.listen.filter { !new.admin.listen.contains($0) }
            try openListeners(held: held, passed: passed, leftByAdmin: left)
            if new.accessLog != before.accessLog {
                accessLog = try Self.named("access_log.path", in: fresh) { try new.openAccessLog() }
            }
        } catch {
            undo()
            throw error
        }
        noteInherited(from: old, passed)
    }

    /// Adds the key, and where it was set, to an error.
    static func named<Value>(_ key: String, in loaded: LoadedConfiguration, _ work: () throws -> Value)
        throws(Refused) -> Value
    {
        do {
            return try work()
        } catch {
            throw Refused(description: "\(loaded.source(of: key)): `\(key)`: \(error)")
        }
    }

    func undo() {
        for socket in opened { socket.close() }
        accessLog?.discard()
    }

    static func adminListeners(_ loaded: LoadedConfiguration, _ passed: PassedSockets) -> [AdminListener] {
        let admin = loaded.configuration.admin
        let plan = ListenPlan(
            wanted: admin.listen, isDefault: loaded.adminListensByDefault, held: [],
            inherited: passed.admin.map(\.address))
        return passed.admin.map { .inherited(descriptor: $0.descriptor) }
            + plan.opening.map { address in
                switch address {
                case .tcp(let ip, let port): .tcp(host: ip.description, port: port)
                case .unix(let path): .unix(path: path, mode: UInt32(admin.socketMode.bits))
                }
            }
    }

    /// Proxy listeners that must be closed before the admin API can listen there.
    var closingForAdmin: [ListenAddress] {
        closing.filter { place in fresh.configuration.admin.listen.contains { $0.collides(with: place) } }
    }

    private mutating func openListeners(
        held: [ListenAddress], passed: PassedSockets, leftByAdmin: [ListenAddress]
    ) throws(Refused) {
        let source = fresh.source(of: "proxy.listen")
        let plan = ListenPlan(
            wanted: fresh.configuration.proxy.listen, isDefault: fresh.proxyListensByDefault, held: held,
            inherited: passed.proxy.map(\.address))
        closing = plan.closing
        for address in plan.opening {
            if (closing + leftByAdmin).contains(where: { $0.collides(with: address) }) {
                openedLate.append(address)
                continue
            }
            do {
                opened.append(try ListeningSocket.open(address))
            } catch {
                let failure = UnopenedListener(address, code: error.code)
                let reason = "cannot listen on \(failure)"
                // A host without IPv6 has no [::1]: a default address may fail to open, a configured one may not.
                guard fresh.proxyListensByDefault, !(opened.isEmpty && address == plan.opening.last && held.isEmpty)
                else {
                    throw Refused(description: "\(source): `proxy.listen`: \(reason)")
                }
                unopened.append(failure)
                notes.append(reason)
            }
        }
    }

    private mutating func noteInherited(from old: LoadedConfiguration, _ passed: PassedSockets) {
        let lists = [
            ("proxy.listen", passed.proxy, old.configuration.proxy.listen, fresh.configuration.proxy.listen),
            ("admin.listen", passed.admin, old.configuration.admin.listen, fresh.configuration.admin.listen),
        ]
        for (key, sockets, before, now) in lists {
            for address in sockets.map(\.address) where before.contains(address) && !now.contains(address) {
                notes.append(
                    "\(address) is still served although \(key) no longer names it: a socket unit of systemd holds it")
            }
        }
    }
}
