import ProxyTypes
import Tuning

extension Origin {
    /// As `description` writes it; the default port may be there too. Nil for all else.
    init?(named text: String) {
        guard let pattern = try? HostPattern(parsing: text), let scheme = pattern.scheme, let port = pattern.port else {
            return nil
        }
        switch pattern.host {
        case .name(let name): self.init(scheme: scheme, host: name, port: port)
        case .address(let address): self.init(scheme: scheme, host: address.bracketed, port: port)
        case .any, .below: return nil
        }
    }
}
