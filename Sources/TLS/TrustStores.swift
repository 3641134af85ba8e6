import LocalCA
import ProxyTypes
import Synchronization

/// The bundles that are in use, each loaded once. Shared.
///
/// The roots of this host's own authorities are left out, wherever they are installed: they are for clients to trust, and an
/// origin that shows a certificate of theirs is an impostor.
final class TrustStores: Sendable {
    private struct Known {
        let stamp: FileStamps
        weak var store: TrustStore?
    }

    private let known = Mutex<[String: Known]>([:])

    private let ownRoots = Mutex<[LocalCA.Certificate]>([])

    /// For stores that are loaded from now on. Roots are known here before they are installed.
    func leaveOut(_ roots: [LocalCA.Certificate]) {
        ownRoots.withLock { $0 = roots }
    }

    /// May read the file.
    func store(of path: String?) throws(TLSFailure) -> TrustStore {
        let file = path ?? TrustStore.system
        let stamp = FileStamps([file])
        let found = known.withLock { known in known[file].flatMap { $0.stamp == stamp ? $0.store : nil } }
        if let found { return found }
        let store = try TrustStore.load(path, without: ownRoots.withLock { $0 })
        known.withLock { known in
            known = known.filter { $0.value.store != nil }
            known[file] = Known(stamp: stamp, store: store)
        }
        return store
    }
}
