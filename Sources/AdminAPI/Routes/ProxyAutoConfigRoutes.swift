import AdminModels

/// The files that browsers fetch to find the proxy. No state.
enum ProxyAutoConfigRoutes {
    static let script = "/proxy.pac"
    /// Where browsers look without being told, on a host named `wpad`.
    static let discovery = "/wpad.dat"

    static let operations: [Operation] = [
        operation(script, "getProxyAutoConfig", "The proxy auto-config script for browsers"),
        operation(discovery, "getProxyAutoDiscovery", "The same script, where browsers look for it by themselves"),
    ]

    private static func operation(_ path: String, _ name: String, _ summary: String) -> Operation {
        Operation(
            verb: .get, path: path, name: name, summary: summary,
            help:
                "http and https go through connd, and directly where it does not answer; this host's own names go directly.",
            success: .init(
                status: 200, help: "`FindProxyForURL` in ECMAScript 3.", content: .text(ProxyAutoConfig.mediaType)),
            problems: [503]
        ) { call in
            let status = await call.backend.status()
            guard
                let config = ProxyAutoConfig(
                    listeners: status.listeners, adminListeners: status.adminListeners,
                    connectPorts: status.connectPorts)
            else {
                let listeners = status.listeners.isEmpty ? "none at all" : status.listeners.joined(separator: ", ")
                throw Problem(
                    503,
                    "connd's proxy has no listener with a TCP port (\(listeners)); give proxy.listen an address such as "
                        + "127.0.0.1:3128")
            }
            return .text(config.script, type: ProxyAutoConfig.mediaType)
        }
    }
}
