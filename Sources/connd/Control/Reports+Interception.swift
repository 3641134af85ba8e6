import AdminModels
import ForwardProxy
import Metering
import ProxyTypes

/// Interception in the API's terms.
extension InterceptionReport {
    init(_ statistics: InterceptStatistics) {
        self.init()
        full = statistics.full
        resumed = statistics.resumed
        handshakeTime = Distribution(statistics.handshakeTime)
        spliced = OriginFiguresReport.words(statistics.spliced) { $0.name }
        refused = statistics.refused
        failed = statistics.failed
        misdirected = statistics.misdirected
    }
}

extension OriginStatistics {
    /// How clients reach the origin; nil where none has.
    var reached: String? {
        let handshakes = intercept.full + intercept.resumed
        let spliced = intercept.spliced.total
        if handshakes > 0, handshakes >= spliced { return "intercepted" }
        if spliced > 0 { return "spliced" }
        if requests.total > 0 { return "pooled" }
        return tunnels.opened > 0 ? "tunnelled" : nil
    }

    /// Whether there was TLS on either side, or could have been.
    var concernsTLS: Bool {
        intercept != InterceptStatistics() || !tls.handshakes.isZero || !tls.failures.isZero
    }
}

extension ClientRefusalReport {
    /// Looks the user's name up, so not to be called on the loop.
    init(_ entry: ClientRefusals.Entry) {
        self.init()
        host = entry.key.host.description
        switch entry.key.client {
        case .address(let address): self.address = address.description
        case .user(let user): note(user)
        case .program(let name, let user):
            program = name
            note(user)
        case .unknown: break
        }
        let digits = String(entry.key.hello, radix: 16)
        hello = String(repeating: "0", count: 8 - digits.count) + digits
        manner = entry.manner.name
        count = entry.count
        first = APIFormat.time(entry.first)
        firstMs = entry.first
        last = APIFormat.time(entry.last)
        lastMs = entry.last
        splicedUntil = entry.splicedUntil.map(APIFormat.time)
        splicedUntilMs = entry.splicedUntil
    }

    private mutating func note(_ number: UInt32) {
        user = Int(number)
        userName = Users.name(of: number)
    }
}

extension ClientRefusals.Manner {
    /// Alerts as RFC 8446 6 names them.
    fileprivate var name: String {
        switch self {
        case .closed: "closed"
        case .failed: "tls_failed"
        case .notHTTP: "not_http"
        case .alert(42): "bad_certificate"
        case .alert(43): "unsupported_certificate"
        case .alert(44): "certificate_revoked"
        case .alert(45): "certificate_expired"
        case .alert(46): "certificate_unknown"
        case .alert(48): "unknown_ca"
        case .alert(49): "access_denied"
        case .alert(let number): "alert \(number)"
        }
    }
}
