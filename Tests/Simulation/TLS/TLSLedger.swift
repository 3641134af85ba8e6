import ProxyTypes
import Reactor
import TLS

/// Everything known about TLS in a run: files, contexts, peers, sessions, and the origins' sides of connections.
final class TLSLedger {
    /// What a session was issued for.
    struct SessionFacts {
        let peer: UInt32
        let context: UInt32
        let key: UInt8
        let isUsedOnce: Bool
        var wasOffered = false
    }

    struct ContextFacts {
        let key: TLSProfile.ContextKey
        let version: Int
    }

    let kernel: SimulatedKernel
    private let network: SimulatedNetwork
    var report: (Property, String) -> Void = { _, _ in }
    private var versions: [String: Int] = [:]
    private var unusable: Set<String> = []
    private var lastVersion = 0
    private(set) var contexts: [ContextFacts] = []
    private(set) var peers: [TLSPeer] = []
    private(set) var sessions: [SessionFacts] = []
    /// By connd's endpoint, also those that are closed: what came before is still to be read.
    private var lines: [Endpoint: OriginTLS] = [:]
    /// Of connd, that are alive.
    var engines = 0
    /// Whether a handshake or a dial is looking for its context: what is loaded now is loaded for the first time.
    var isSearching = false
    /// The run is over but for what is under way: files do not change any more.
    var isResting = false
    /// How long a worker takes.
    var loadTime = Interval.milliseconds(1)

    init(_ kernel: SimulatedKernel) {
        self.kernel = kernel
        network = kernel.network
    }

    func violated(_ property: Property, _ text: String) { report(property, text) }
    func broken(_ text: String) { report(.invariants, text) }

    // MARK: Files and contexts

    private func path(of files: TLSProfile.Files) -> String { files.authorities ?? "system" }

    func version(of files: TLSProfile.Files) -> Int { versions[path(of: files)] ?? 0 }

    /// Returns the new version.
    func change(_ authorities: String?, isUsable: Bool) -> Int {
        let path = authorities ?? "system"
        lastVersion += 1
        versions[path] = lastVersion
        if isUsable { unusable.remove(path) } else { unusable.insert(path) }
        return lastVersion
    }

    func make(_ key: TLSProfile.ContextKey) -> Result<any TLSContext, TLSFailure> {
        guard !unusable.contains(path(of: key.files)) else {
            return .failure(TLSFailure(.configuration, "\(path(of: key.files)) cannot be used"))
        }
        contexts.append(ContextFacts(key: key, version: version(of: key.files)))
        return .success(ScriptedContext(UInt32(contexts.count - 1), self))
    }

    /// A worker: it is done later. At rest there is nothing to check, which would go on for ever.
    func run(_ job: @escaping @Sendable () -> Void) {
        guard isSearching || !isResting else { return }
        network.schedule(after: loadTime) { job() }
    }

    // MARK: Peers and sessions

    func number(of peer: TLSPeer) -> UInt32 {
        if let index = peers.firstIndex(of: peer) { return UInt32(index) }
        peers.append(peer)
        return UInt32(peers.count - 1)
    }

    /// From 1 on.
    func issue(_ facts: SessionFacts) -> UInt32 {
        sessions.append(facts)
        return UInt32(sessions.count)
    }

    /// A session is offered. Nil: it was never issued.
    func offered(_ number: UInt32, to peer: UInt32, context: UInt32) -> SessionFacts? {
        let index = Int(number) - 1
        guard sessions.indices.contains(index) else { return nil }
        let facts = sessions[index]
        if facts.peer != peer { violated(.sessions, "session \(number) is offered to another peer or profile") }
        if facts.context != context { violated(.sessions, "session \(number) is offered across a change of files") }
        if facts.isUsedOnce, facts.wasOffered { violated(.sessions, "ticket \(number) is used twice") }
        sessions[index].wasOffered = true
        return facts
    }

    // MARK: Connections

    func add(_ line: OriginTLS) { lines[line.socket.remote] = line }

    func tearDown() { lines.removeAll() }

    /// connd can know of an end that has come, but for one that came while the connection was opened.
    func noteRequest(_ bytes: UnsafeRawBufferPointer, by engine: ScriptedEngine) {
        guard bytes.starts(with: "POST ".utf8), engine.wasOpened,
            let local = engine.below.localEndpoint, let line = lines[local], line.endHasArrived
        else { return }
        kernel.noteLateRequest(bytes)
    }
}
