/// `openssl s_server` on a loopback port that the kernel chose: OpenSSL's own server, with its odd modes. It serves one
/// connection after the other. Killed when released. Shared.
package final class OpenSSLServer: Sendable {
    package let port: UInt16
    private let process: ChildProcess

    /// `identity` nil: it has no certificate. `directory`: whose files it serves.
    package init(_ identity: TestAuthority.Identity?, _ options: [String], directory: String? = nil) throws {
        var arguments = ["s_server", "-accept", "127.0.0.1:0"]
        if let identity { arguments += ["-cert", identity.certificate, "-key", identity.key] }
        // What is typed goes to the client, but for single letters at the beginning of a line, which are commands.
        process = try ChildProcess("openssl", arguments + options, input: nil, directory: directory)
        let marker = "ACCEPT 127.0.0.1:"
        let started = try process.wait(for: "s_server to listen") { output in
            guard let start = output.outText.firstRange(of: marker)?.upperBound else { return output.hasEnded }
            return output.outText[start...].contains("\n")
        }
        let number = started.outText.firstRange(of: marker).map {
            started.outText[$0.upperBound...].prefix(while: \.isNumber)
        }
        guard let port = number.flatMap({ UInt16($0) }) else {
            throw TestFailure("openssl s_server \(options) did not start: \(started)")
        }
        self.port = port
    }

    package func url(_ path: String = "/", host: String = "localhost") -> String { "https://\(host):\(port)\(path)" }

    package func type(_ text: String) { process.type(text) }

    /// All that it has said so far. It may hold back what it says until it has received something.
    package var said: String { process.current.outText + process.current.errText }

    /// Waits until it has said so, in whole or behind the first `skipped` times.
    @discardableResult
    package func wait(for text: String, skipping skipped: Int = 0) throws -> String {
        func isSaid(_ output: ChildProcess.Output) -> Bool {
            (output.outText + output.errText).ranges(of: text).count > skipped
        }
        let output = try process.wait(for: "s_server to say `\(text)`") { isSaid($0) || $0.hasEnded }
        guard isSaid(output) else { throw TestFailure("s_server ended without saying `\(text)`: \(output)") }
        return output.outText + output.errText
    }

    package func waitForEnd() throws { try process.waitForEnd() }
}
