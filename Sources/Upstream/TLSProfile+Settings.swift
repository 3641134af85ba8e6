import ProxyTypes
import TLS
import Tuning

extension TLSProfile {
    /// What an origin's settings ask of its TLS connections.
    init(_ settings: EffectiveSettings) {
        self.init(
            verification: settings.tlsVerify.verification, minVersion: settings.tlsMinVersion.version,
            files: Files(
                authorities: settings.tlsCaFile, certificate: settings.tlsClientCert, key: settings.tlsClientKey),
            serverName: settings.tlsServerName, pins: settings.tlsPins)
    }
}

extension TLSVerification {
    fileprivate var verification: TLSProfile.Verification {
        switch self {
        case .full: .full
        case .none: .none
        }
    }
}

extension TLSMinVersion {
    fileprivate var version: TLSInfo.Version {
        switch self {
        case .v1_2: .v1_2
        case .v1_3: .v1_3
        }
    }
}
