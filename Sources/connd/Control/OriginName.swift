import ProxyTypes
import Tuning

extension Origin {
    /// `scheme://host` or `scheme://host:port`, in any spelling that a pattern may have. Nil for all else.
    init?(named text: String) {
        guard let pattern = try? HostPattern(parsing: text), let scheme = pattern.scheme, let port = pattern.port else {
            return nil
        }
        switch pattern.host {
        case .name(let name): self.init(scheme: scheme, host: name, port: port)
        case .address(let address): self.init(scheme: scheme, host: OriginHost(address), port: port)
        case .any, .below: return nil
        }
    }
}
