/// Why a CONNECT to a host with `intercept: on` is tunnelled all the same. A closed set, used in logs, metrics and the API.
package enum SpliceReason: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    // What the client sent.
    case notTLS, silent, malformedHello, longHello, noServerName, otherServerName, noHTTP1, oldVersion
    // Who it is.
    case excepted, clientRefuses
    // The origin.
    case originFailed, wantsClientCertificate, unverifiedOrigin
    // connd itself.
    case notPermitted, noCertificate, tooSlow

    package var name: String {
        switch self {
        case .notTLS: "not_tls"
        case .silent: "silent"
        case .malformedHello: "malformed_hello"
        case .longHello: "long_hello"
        case .noServerName: "no_server_name"
        case .otherServerName: "other_server_name"
        case .noHTTP1: "no_http1"
        case .oldVersion: "old_version"
        case .excepted: "excepted"
        case .clientRefuses: "client_refuses"
        case .originFailed: "origin_failed"
        case .wantsClientCertificate: "wants_client_certificate"
        case .unverifiedOrigin: "unverified_origin"
        case .tooSlow: "too_slow"
        case .notPermitted: "not_permitted"
        case .noCertificate: "no_certificate"
        }
    }

    /// Continues a sentence that begins with "tunnelled, because".
    package var explanation: String {
        switch self {
        case .notTLS: "the client speaks something other than TLS"
        case .silent: "the client sent no ClientHello in time"
        case .malformedHello: "the client's first message cannot be read"
        case .longHello: "the client's first message is longer than 16 KiB"
        case .noServerName: "the client names no host in its first message"
        case .otherServerName: "the client names another host in its first message than in CONNECT"
        case .noHTTP1: "the client does not offer HTTP/1.1, as with gRPC"
        case .oldVersion: "the client speaks no version of TLS from 1.2 on"
        case .excepted: "intercept_except lists the client"
        case .clientRefuses: "the client has refused connd's certificate (connctl tls)"
        case .originFailed: "connd could not connect to the origin itself, so the client is to see what is wrong"
        case .wantsClientCertificate: "the origin asks for a client certificate, which only the client may have"
        case .unverifiedOrigin: "tls_verify is none: connd would vouch for an origin that nobody has verified"
        case .tooSlow: "connd did not find out in time who the client is, or make a certificate"
        case .notPermitted: "connd has no certificate authority that may sign for the host (connctl ca)"
        case .noCertificate: "a certificate could not be made"
        }
    }
}
