import ProxyTypes

/// The proxy auto-config script of connd: which URLs a browser sends through it, and at what address. Pure.
struct ProxyAutoConfig {
    static let mediaType = "application/x-ns-proxy-autoconfig"

    /// The address after `PROXY`.
    let proxy: String
    /// Listeners that the loopback rule does not cover, as `host port`: connd answers requests for itself with 508.
    let own: [String]
    /// Nil: any.
    let connectPorts: [Int]?

    /// Nil if no listener has an address that browsers can use.
    init?(listeners: [String], adminListeners: [String], connectPorts: [Int]? = nil) {
        let proxies = listeners.compactMap(Endpoint.init)
        guard let proxy = proxies.first(where: \.isLoopback) ?? proxies.first else { return nil }
        self.proxy = "\(proxy.written):\(proxy.port)"
        self.connectPorts = connectPorts
        own = (proxies + adminListeners.compactMap(Endpoint.init)).filter { !$0.isLoopback }
            .reduce(into: []) { list, listener in
                let text = "\(listener.host) \(listener.port)"
                if !list.contains(text) { list.append(text) }
            }
    }

    /// ECMAScript 3, which the oldest engines run. The inserted values have been checked for quotes.
    var script: String {
        """
        // Sends http and https through connd, and directly where connd does not answer.
        function FindProxyForURL(url, host) {
            var place = /^(https?|wss?):\\/\\/(?:[^\\/?#]*@)?(?:\\[[^\\]]*\\]|[^:\\/?#]*)(?::(\\d+))?/i.exec(url);
            if (!place) return "DIRECT";
            host = host.toLowerCase().replace(/^\\[|\\]$/g, "").replace(/\\.$/, "");
            if (/^(.*\\.)?localhost$/.test(host) || /^127(\\.\\d+){3}$/.test(host)) return "DIRECT";
            if (host == "::1" || /^::ffff:(127\\.|7f[0-9a-f]{2}:)/.test(host)) return "DIRECT";
            if (/^(::ffff:)?0\\.0\\.0\\.0$|^::(ffff:0:0)?$/.test(host)) return "DIRECT";
            var port = place[2] || (/^(http|ws)$/i.test(place[1]) ? "80" : "443");
        \(tunnelRule)\(ownRule)    return "PROXY \(proxy); DIRECT";
        }

        """
    }

    /// Browsers open a tunnel for everything but plain http, and do not go elsewhere when it is refused.
    private var tunnelRule: String {
        guard let connectPorts else { return "" }
        return """
                var tunnels = { \(connectPorts.map { "\"\($0)\": 1" }.joined(separator: ", ")) };
                if (!/^http$/i.test(place[1]) && tunnels[port] !== 1) return "DIRECT";

            """
    }

    private var ownRule: String {
        guard !own.isEmpty else { return "" }
        return """
                var own = { \(own.map { "\"\($0)\": 1" }.joined(separator: ", ")) };
                if (own[host + " " + port] === 1) return "DIRECT";

            """
    }

    /// The host and port of a listener. Value.
    private struct Endpoint {
        /// Without brackets, in lower case.
        let host: String
        let port: Int

        /// Nil for Unix sockets and for names that are not safe within quotes.
        init?(_ text: String) {
            guard !text.hasPrefix("unix:"), let parts = HostAndPort(Origin.Scheme.split(text[...])?.rest ?? text[...]),
                let port = parts.port, port > 0
            else { return nil }
            let host = parts.unbracketedHost.lowercased()
            let isPlain = host.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, 0x2D, 0x2E, 0x3A: true
                default: false
                }
            }
            guard !host.isEmpty, isPlain else { return nil }
            // A listener on all addresses is reachable on loopback.
            switch host {
            case "0.0.0.0": self.host = "127.0.0.1"
            case "::": self.host = "::1"
            default: self.host = host
            }
            self.port = Int(port)
        }

        var written: String { host.contains(":") ? "[\(host)]" : host }

        var isLoopback: Bool {
            host == "localhost" || IPAddress(host)?.isLoopback == true
        }
    }
}
