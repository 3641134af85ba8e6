/// Clients that send requests at each scrape of a Prometheus until they are stopped. They continue across a restart of
/// connd: what fails is tried again at the next scrape. Shared.
package final class PacedLoad: Sendable {
    package typealias Round = @Sendable (ScriptedClient) throws -> Void

    private let isStopped = EventSource(false)
    private let beats: EventSource<Int>
    private let port: EventSource<UInt16>

    /// The port is a connd's, and may become another's. The clients hold no process: they may outlive the test.
    package init(port: EventSource<UInt16>, beats: EventSource<Int>) {
        self.port = port
        self.beats = beats
    }

    deinit {
        stop()
    }

    package func stop() {
        isStopped.change { $0 = true }
        // Wakes the clients that wait for a beat.
        beats.change { _ in }
    }

    /// Each of `clients` does `round` once a beat.
    package func add(clients: Int = 1, _ round: @escaping Round) {
        for _ in 0..<clients {
            _ = Background { [isStopped, beats, port] in
                var client: ScriptedClient?
                while !isStopped.current {
                    let beat = beats.current
                    do {
                        let current = try client ?? ScriptedClient(port: port.current)
                        client = current
                        try round(current)
                    } catch {
                        client = nil
                    }
                    try beats.wait(for: "the next beat") { $0 > beat || isStopped.current }
                }
            }
        }
    }

    /// `count` requests, one after the other.
    package static func asking(_ origin: FakeOrigin, _ count: Int, _ method: String = "GET") -> Round {
        { client in
            for number in 0..<count {
                try client.send(method, origin.url("/\(number)"), body: method == "POST" ? "data" : nil)
                _ = try client.response(to: method)
            }
        }
    }
}
