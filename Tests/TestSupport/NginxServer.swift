import Foundation
import Glibc

/// nginx on a loopback port, which answers every request 200 with a few bytes. Killed when released. Shared.
package final class NginxServer: Sendable {
    package let port: UInt16
    private let process: ChildProcess
    private let folder: ScratchFolder

    /// `directives`: of its one server.
    package init(_ directives: String) throws {
        folder = try ScratchFolder()
        // It cannot be told to take any free port and say which: one that was free a moment ago is tried.
        for _ in 0..<20 {
            let (descriptor, port) = try SocketAddresses.bound(to: "127.0.0.1")
            close(descriptor)
            let config = try folder.write("nginx.conf", Self.configuration(directives, port: port, folder.path))
            let process = try ChildProcess("nginx", ["-c", config, "-p", folder.path, "-e", "stderr"])
            let started = try process.wait(for: "nginx to be ready") {
                $0.errText.contains("start worker process") || $0.hasEnded
            }
            if !started.hasEnded {
                (self.port, self.process) = (port, process)
                return
            }
            guard started.errText.contains("Address already in use") else {
                throw TestFailure("nginx did not start: \(started)")
            }
        }
        throw TestFailure("nginx found no port to listen on")
    }

    deinit {
        // Its workers end with it only if it may end them.
        process.signal(SIGTERM)
        _ = try? process.wait(for: "nginx to end") { $0.hasEnded }
    }

    package var origin: String { "http://127.0.0.1:\(port)" }

    private static func configuration(_ directives: String, port: UInt16, _ folder: String) -> String {
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        return """
            daemon off;
            pid \(folder)/pid;
            worker_processes 1;
            error_log stderr notice;
            events { worker_connections 64; }
            http {
              access_log off;
              \(places.joined(separator: " "))
              server {
                listen 127.0.0.1:\(port);
                \(directives)
                location / { return 200 "as well\\n"; }
              }
            }

            """
    }
}
