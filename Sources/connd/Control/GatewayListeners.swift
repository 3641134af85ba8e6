import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Opens and closes the listeners of gateways. No state.
enum GatewayListeners {
    typealias Held = [String: [ListenAddress]]
    typealias Failures = [String: [UnopenedListener]]

    /// At the start, before the loop runs.
    static func start(_ table: GatewayTable, in loop: ProxyLoop, _ logger: Logger) -> Failures {
        let held = close(allBut: table.entries, in: loop)
        let (sockets, failures) = open(table.entries, held: held, ready: [])
        for (name, socket) in sockets {
            logger.info("listening", metadata: ["address": "\(socket.boundAddress)", "gateway": "\(name)"])
        }
        let all = failures.merging(listen(on: sockets, in: loop)) { $0 + $1 }
        report(all, logger)
        return all
    }

    static func report(_ failures: Failures, _ logger: Logger) {
        for (name, listeners) in failures.sorted(by: { $0.key < $1.key }) {
            for listener in listeners {
                logger.warning("not listening", metadata: ["gateway": "\(name)", "reason": "\(listener)"])
            }
        }
    }

    /// Returns what stays open.
    static func close(allBut entries: [GatewayTable.Entry], in loop: ProxyLoop) -> Held {
        loop.setGateways(entries.map { GatewayRoute($0.definition) })
        var held: Held = [:]
        for figures in loop.gatewayReports {
            guard let wanted = entries.first(where: { $0.definition.name == figures.name })?.definition else {
                continue
            }
            for socket in figures.sockets {
                if wanted.listen.contains(socket.address) {
                    held[figures.name, default: []].append(socket.address)
                    applyMode(wanted.socketMode, to: socket.address)
                } else {
                    loop.stopListening(on: socket.address, gateway: figures.name)
                }
            }
        }
        return held
    }

    /// Closes what is in the way of `addresses`, unless a gateway is to stay there.
    static func release(_ addresses: [ListenAddress], by entries: [GatewayTable.Entry], in loop: ProxyLoop) {
        for figures in loop.gatewayReports {
            let wanted = entries.first { $0.definition.name == figures.name }?.definition.listen ?? []
            for address in figures.sockets.map(\.address)
            where !wanted.contains(address) && addresses.contains(where: { $0.collides(with: address) }) {
                loop.stopListening(on: address, gateway: figures.name)
            }
        }
    }

    /// Opens what is not held. A socket of `ready` that no gateway wants is closed.
    static func open(_ entries: [GatewayTable.Entry], held: Held, ready: [ListeningSocket])
        -> (opened: [(name: String, socket: ListeningSocket)], failures: Failures)
    {
        var rest = ready
        var opened: [(name: String, socket: ListeningSocket)] = []
        var failures: Failures = [:]
        for definition in entries.map(\.definition) {
            for address in definition.listen where !(held[definition.name]?.contains(address) ?? false) {
                if let index = rest.firstIndex(where: { $0.address == address }) {
                    opened.append((definition.name, rest.remove(at: index)))
                    continue
                }
                do throws(SystemError) {
                    opened.append((definition.name, try ListeningSocket.open(address, mode: definition.socketMode)))
                } catch {
                    failures[definition.name, default: []].append(UnopenedListener(address, code: error.code))
                }
            }
        }
        for socket in rest { socket.close() }
        return (opened, failures)
    }

    static func listen(on sockets: [(name: String, socket: ListeningSocket)], in loop: ProxyLoop) -> Failures {
        var failures: Failures = [:]
        for (name, socket) in sockets {
            do throws(SystemError) {
                try loop.listen(on: socket, gateway: name)
            } catch {
                failures[name, default: []].append(UnopenedListener(socket.address, code: error.code))
            }
        }
        return failures
    }

    fileprivate static func applyMode(_ mode: SocketMode, to address: ListenAddress) {
        if case .unix(let path) = address { chmod(path, mode_t(mode.bits)) }
    }
}

extension ListeningSocket {
    /// A Unix socket gets the mode, and its folder is created if missing. Until the mode is set, the umask keeps other users
    /// from connecting.
    static func open(_ address: ListenAddress, mode: SocketMode) throws(SystemError) -> ListeningSocket {
        if case .unix(let path) = address, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            mkdir(String(path[..<slash]), 0o755)
        }
        let socket = try open(address)
        GatewayListeners.applyMode(mode, to: address)
        return socket
    }
}

extension GatewayRoute {
    init(_ definition: GatewayDefinition) {
        self.init(
            name: definition.name, origin: definition.origin, preservesHost: definition.preserveHost,
            stripsSecure: definition.cookieSecure == .strip, allowedHosts: definition.allowHosts)
    }
}
