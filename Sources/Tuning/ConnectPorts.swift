/// The ports that CONNECT may reach. Value.
package enum ConnectPorts: Hashable, Sendable {
    case any
    case only([UInt16])

    package func contains(_ port: UInt16) -> Bool {
        switch self {
        case .any: true
        case .only(let ports): ports.contains(port)
        }
    }
}
