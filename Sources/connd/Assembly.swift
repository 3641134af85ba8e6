import ConfigurationFile
import ForwardProxy
import HTTPWire
import ProxyTypes
import Reactor

extension Configuration {
    /// The part that the proxy itself obeys.
    var proxyConfiguration: ProxyConfiguration {
        var made = ProxyConfiguration()
        made.allowFrom = proxy.allowFrom
        made.maxClientConnections = proxy.maxClientConnections
        made.maxUpstreamConnections = proxy.maxUpstreamConnections
        made.headLimits = HeadLimits(maxHeadBytes: proxy.maxHeadBytes)
        made.maxBuffer = proxy.maxBuffer
        made.clientHeadTimeout = proxy.clientHeadTimeout
        made.clientIdleTimeout = proxy.clientIdleTimeout
        made.slowExchange = exchanges.slow
        made.destinations.allow = proxy.allow
        made.destinations.deny = proxy.deny
        switch proxy.connectPorts {
        case .any: made.destinations.connectPorts = .any
        case .only(let ports): made.destinations.connectPorts = .only(Set(ports))
        }
        return made
    }

    func makeAccessLog() throws -> ForwardProxy.AccessLog? {
        let format: ForwardProxy.AccessLog.Format = accessLog.format == .json ? .json : .text
        switch accessLog.target {
        case .none: return nil
        case .stdout: return try .init(.standardOutput, format: format)
        case .file(let path): return try .init(.file(path), format: format)
        }
    }
}

extension ListenAddress {
    var forListener: ListenerAddress {
        switch self {
        case .tcp(let address, let port): .tcp(address, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
