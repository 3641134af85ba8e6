import ProxyTypes
import TLS
import Tuning

extension TLSProfile {
    init(_ settings: EffectiveSettings) {
        self.init(
            verification: settings.tlsVerify == .full ? .full : .none,
            files: Files(
                authorities: settings.tlsCaFile, certificate: settings.tlsClientCert, key: settings.tlsClientKey))
    }
}
