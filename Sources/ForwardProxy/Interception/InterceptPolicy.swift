import HTTPWire
import ProxyTypes

/// Which ClientHellos connd answers itself. Pure.
enum InterceptPolicy {
    static let oldestVersion: UInt16 = 0x0303

    /// Why the connection of a client that sends this behind CONNECT to the host is tunnelled; nil: it need not be. Of
    /// an encrypted ClientHello (ECH), only the outer one counts: connd cannot read the inner one.
    static func objection(to outcome: ClientHelloParser.Outcome, for host: OriginHost) -> SpliceReason? {
        switch outcome {
        case .incomplete: nil
        case .notTLS: .notTLS
        case .malformed: .malformedHello
        case .tooLong: .longHello
        case .hello(let hello): objection(to: hello, for: host)
        }
    }

    private static func objection(to hello: ClientHello, for host: OriginHost) -> SpliceReason? {
        switch hello.serverName {
        case .absent: return .noServerName
        case .invalid: return .otherServerName
        case .host(let name): if name != host { return .otherServerName }
        }
        guard hello.newestVersion >= oldestVersion else { return .oldVersion }
        return hello.takesHTTP1 ? nil : .noHTTP1
    }
}
