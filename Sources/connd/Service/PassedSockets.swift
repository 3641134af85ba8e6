import ConfigurationFile
import ForwardProxy
import Reactor
import Systemd

#if canImport(Glibc)
    import Glibc
#endif

/// The sockets that systemd passed to connd, by their purpose. Value.
struct PassedSockets: Sendable {
    /// FileDescriptorName= of the socket units.
    private static let names = (proxy: "proxy", admin: "admin")

    var proxy: [InheritedSocket] = []
    var admin: [InheritedSocket] = []

    /// Refuses unknown sockets, whose clients would hang since nothing accepts from them.
    init(environment: [String: String]) throws {
        for socket in try InheritedSockets.take(environment: environment, processID: getpid()) {
            switch socket.name {
            case Self.names.proxy: proxy.append(socket)
            case Self.names.admin: admin.append(socket)
            default:
                throw StartFailure(
                    text: "systemd passed a socket named `\(socket.name)`: FileDescriptorName= of its unit must be "
                        + "\(Self.names.proxy) or \(Self.names.admin)")
            }
        }
    }
}

extension InheritedSocket {
    var listening: ListeningSocket { .inherited(descriptor, address) }
}
