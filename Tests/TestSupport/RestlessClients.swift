/// Clients that send requests without a pause until they are stopped, and count failures. Shared.
package final class RestlessClients: Sendable {
    /// Value.
    package struct Tally: Sendable {
        package var connections = 0
        package var answered = 0
        package var failures: [String] = []
    }

    private let isStopped = EventSource(false)
    private let tally = EventSource(Tally())
    private let clients: [Background<Void>]

    /// `keepingAlive`: each keeps its connection for as long as the answers allow; else each request has its own.
    package init(
        _ count: Int, at connect: @escaping @Sendable () throws -> ScriptedClient, asking url: String,
        keepingAlive: Bool = true
    ) {
        let (isStopped, tally) = (isStopped, tally)
        clients = (0..<count).map { _ in
            Background {
                var kept: ScriptedClient?
                while !isStopped.current {
                    do {
                        if kept == nil { tally.change { $0.connections += 1 } }
                        let client = try kept ?? connect()
                        let response = try client.get(url, keepingAlive ? [] : ["Connection: close"])
                        guard response.status == 200 else { throw TestFailure(response.head.text + response.text) }
                        kept = keepingAlive && !response.saysClose ? client : nil
                        tally.change { $0.answered += 1 }
                    } catch {
                        kept = nil
                        tally.change { $0.failures.append("\(error)") }
                    }
                }
            }
        }
    }

    deinit {
        isStopped.change { $0 = true }
    }

    /// Until so many more have been answered.
    package func waitForAnswers(_ count: Int) throws {
        let start = tally.current.answered
        try tally.wait(for: "\(count) more answers") { $0.answered >= start + count || $0.failures.count > 100 }
    }

    package func stop() throws -> Tally {
        isStopped.change { $0 = true }
        for client in clients { try client.wait() }
        return tally.current
    }
}
