package import ProxyTypes

/// How connections are encrypted and what their peers must prove. A connection or session of one profile is never used for
/// another. Value.
package struct TLSProfile: Hashable, Sendable {
    package enum Verification: Hashable, Sendable {
        /// Chain, name and dates.
        case full
        /// Any certificate is accepted; `pins` still apply.
        case none
    }

    package var verification: Verification
    package var minVersion: TLSInfo.Version
    /// The files of certificates and keys, PEM.
    package var files: Files
    /// Sent and verified instead of the host's name.
    package var serverName: String?
    /// The peer must have one of these public keys; empty: any.
    package var pins: [PublicKeyPin]

    package struct Files: Hashable, Sendable {
        /// Nil: the system's.
        package var authorities: String?
        package var certificate: String?
        package var key: String?

        package init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
            self.authorities = authorities
            self.certificate = certificate
            self.key = key
        }
    }

    package init(
        verification: Verification = .full, minVersion: TLSInfo.Version = .v1_2, files: Files = Files(),
        serverName: String? = nil, pins: [PublicKeyPin] = []
    ) {
        self.verification = verification
        self.minVersion = minVersion
        self.files = files
        self.serverName = serverName
        self.pins = pins
    }

    /// What an SSL_CTX is made for: names and pins belong to single connections.
    package var contextKey: ContextKey {
        ContextKey(verification: verification, minVersion: minVersion, files: files)
    }

    package struct ContextKey: Hashable, Sendable {
        package let verification: Verification
        package let minVersion: TLSInfo.Version
        package let files: Files
    }
}

/// The other side of a handshake. Value.
package struct TLSPeer: Hashable, Sendable {
    /// Without brackets or a trailing dot.
    package var host: String
    /// Where the connection goes.
    package var endpoint: Endpoint
    package var profile: TLSProfile

    package init(host: String, endpoint: Endpoint, profile: TLSProfile) {
        self.host = host
        self.endpoint = endpoint
        self.profile = profile
    }

    /// The name that is sent, and that the certificate must be issued for.
    var name: String { profile.serverName ?? host }
}
