import ForwardProxy
import Logging
import Reactor
import Store
import Upstream

/// Keeps across restarts which clients refuse connd's certificates. Shared.
struct RefusalControl: Sendable {
    let mailbox: LoopMailbox
    let store: Store

    /// To be called at the start, and after the database was read again or replaced.
    func load() async {
        guard let stored = try? await store.refusals(), !stored.isEmpty else { return }
        let entries = stored.map(ClientRefusals.Entry.init)
        await mailbox.run { $0.refusals.load(entries, now: $0.upstream.now, wallClock: SystemClock.wall()) }
    }

    /// To be called after the database was replaced, and does not have them.
    func storeAgain() async {
        await mailbox.run { $0.refusals.storeAgain() }
    }

    /// Writes what is not stored yet; what cannot be written is tried again the next time.
    func save() async {
        // All of them would have to be taken again each time.
        guard !store.health.isFailing else { return }
        let changes = await mailbox.run { $0.refusals.takeChanges() }
        guard !changes.isEmpty else { return }
        var change = RefusalChange()
        change.replacesAll = changes.replacesAll
        change.puts = changes.puts.map(StoredRefusal.init)
        change.removals = changes.removals.map(StoredRefusal.Key.init)
        do {
            try await store.save(refusals: change)
        } catch {
            await storeAgain()
        }
    }
}

extension StoredRefusal.Key {
    fileprivate init(_ key: ClientRefusals.Key) {
        self.init(host: key.host, client: key.client, hello: key.hello)
    }
}

extension StoredRefusal {
    fileprivate init(_ entry: ClientRefusals.Entry) {
        let alert: UInt8? =
            switch entry.manner {
            case .alert(let number): number
            case .closed, .failed, .notHTTP: nil
            }
        self.init(key: Key(entry.key), alert: alert, count: entry.count, first: entry.first, last: entry.last)
    }
}

extension ClientRefusals.Entry {
    fileprivate init(_ stored: StoredRefusal) {
        self.init(
            key: .init(client: stored.key.client, hello: stored.key.hello, host: stored.key.host),
            manner: stored.alert.map { .alert($0) } ?? .closed, count: stored.count, first: stored.first,
            last: stored.last)
    }
}
