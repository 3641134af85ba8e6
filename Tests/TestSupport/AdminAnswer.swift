import Foundation

/// A response of the admin API, received with curl. Value.
package struct AdminAnswer: Sendable, CustomStringConvertible {
    package let status: Int
    /// Names in lower case.
    package let fields: [String: String]
    package let body: String

    package var description: String { "\(status) \(fields) \(body)" }
    package var isProblem: Bool { fields["content-type"] == "application/problem+json" }

    package func json() throws -> JSONDocument { try JSONDocument(parsing: body) }

    /// `curl -i` prints head and body.
    init(printed: String) throws {
        guard let end = printed.firstRange(of: "\r\n\r\n") else { throw TestFailure("no answer: \(printed)") }
        let lines = printed[..<end.lowerBound].split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw TestFailure("not an answer: \(printed)")
        }
        self.status = status
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            fields[parts[0].lowercased()] = parts.last?.trimmingCharacters(in: .whitespaces)
        }
        self.fields = fields
        body = String(printed[end.upperBound...])
    }
}

extension RunningProxy {
    /// Sends a request to the admin API with curl, without a token or content type unless given.
    package func curl(
        _ method: String, _ path: String, _ fields: [String] = [], body: String? = nil, socket: String? = nil,
        user: Int? = nil
    ) throws -> AdminAnswer {
        var arguments = ["-sS", "-i", "--max-time", "30", "-X", method]
        for field in fields { arguments += ["-H", field] }
        if let body { arguments += ["--data-binary", body] }
        if let socket { arguments += ["--unix-socket", socket] }
        arguments.append((socket == nil ? adminURL : "http://localhost") + path)
        let run =
            if let user {
                try Subprocess.run("setpriv", ["--reuid=\(user)", "--clear-groups", "curl"] + arguments)
            } else {
                try Subprocess.run("curl", arguments)
            }
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        return try AdminAnswer(printed: run.output)
    }

    /// Sends a change, with token and content type.
    package func change(
        _ method: String, _ path: String, _ fields: [String] = [], body: String? = nil
    ) throws -> AdminAnswer {
        guard let state else { throw TestFailure("this connd has no admin API") }
        let usual = ["Authorization: Bearer \(try state.token())", "Content-Type: application/json"]
        return try curl(method, path, usual + fields, body: body)
    }

    package func read(_ path: String) throws -> JSONDocument {
        let answer = try curl("GET", path)
        guard answer.status == 200 else { throw TestFailure("GET \(path): \(answer)") }
        return try answer.json()
    }

    /// What `connctl … -o json` prints.
    package func json(_ arguments: String...) throws -> JSONDocument {
        let run = try connctl(arguments + ["-o", "json"])
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        return try JSONDocument(parsing: run.output)
    }

    /// The effective value of one setting for an origin or a pattern, with its source.
    package func setting(_ name: String, of pattern: String) throws -> JSONDocument {
        let report = try read("/v1/settings/\(Self.segment(pattern))")
        guard let setting = report["settings"].items.first(where: { $0["name"].text == name }) else {
            throw TestFailure("\(pattern) has no setting \(name): \(report)")
        }
        return setting
    }

    /// Everything that the API reports about an origin.
    package func detail(_ origin: FakeOrigin) throws -> JSONDocument {
        try read("/v1/origins/\(Self.segment(origin.name))")
    }

    /// Polls until `rule` holds, for changes that nothing announces.
    @discardableResult
    package func wait<Found>(
        for what: String, _ look: (RunningProxy) throws -> Found, until rule: (Found) -> Bool
    ) throws -> Found {
        let deadline = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
        while true {
            let found = try look(self)
            if rule(found) { return found }
            guard Date() < deadline else { throw TestFailure("waited in vain for \(what); it stands at: \(found)") }
        }
    }

    /// SIGKILL, for which connd cannot prepare.
    package func killAtOnce() throws {
        process.signal(SIGKILL)
        try process.waitForEnd()
    }

    /// Percent-encoded as one segment of a path.
    package static func segment(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }
}

extension FakeOrigin {
    /// As connd names it.
    package var name: String { "http://\(authority)" }

    /// Holds every request until the gate lets it pass.
    package static func holding(_ gate: Gate) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond()
            }
        }
    }
}
