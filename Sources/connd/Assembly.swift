import ConfigurationFile
import ForwardProxy
import HTTPWire
import ProxyTypes
import Reactor
import Resolving
import Systemd
import Tuning

extension Configuration {
    /// The part that configures the proxy itself.
    var proxyConfiguration: ProxyConfiguration {
        var made = ProxyConfiguration()
        made.allowFrom = proxy.allowFrom
        made.maxClientConnections = proxy.maxClientConnections
        made.maxUpstreamConnections = proxy.maxUpstreamConnections
        made.headLimits = HeadLimits(maxHeadBytes: proxy.maxHeadBytes)
        made.maxBuffer = proxy.maxBuffer
        made.clientHeadTimeout = proxy.clientHeadTimeout
        made.clientIdleTimeout = proxy.clientIdleTimeout
        made.clientBodyTimeout = proxy.clientBodyTimeout
        made.closeLinger = EffectiveSettings(settings).closeLinger
        made.slowExchange = exchanges.slow
        made.attributesPrograms = proxy.clientPrograms == .on
        made.destinations.allow = proxy.allow
        made.destinations.deny = proxy.deny
        made.destinations.connectPorts = proxy.connectPorts
        return made
    }

    /// Where names are looked up.
    var resolverPaths: ResolverPaths {
        var paths = ResolverPaths()
        if let path = dns.resolvConf { paths.resolvConf = path }
        if let path = dns.hosts { paths.hosts = path }
        paths.servers = dns.servers.map(\.endpoint)
        return paths
    }

    func openAccessLog() throws -> ForwardProxy.AccessLog.Opened {
        let format = accessLog.format
        switch accessLog.target {
        case .none: return try .init(.none, format: format)
        case .stdout: return try .init(.standardOutput, format: format)
        case .file(let path): return try .init(.file(path), format: format)
        case .journald:
            guard let journal = Journal() else {
                throw StartFailure(text: "access_log.path is journald, and there is no /run/systemd/journal/socket")
            }
            return try .init(.journal(journal), format: format)
        }
    }
}

extension ListeningSocket {
    /// Such as `127.0.0.1:3128`; the port is the one that the kernel chose for port 0.
    var boundAddress: String {
        if let local = localAddress { return "\(local.address.bracketed):\(local.port)" }
        if case .unix = address { return address.description }
        return ""
    }
}
