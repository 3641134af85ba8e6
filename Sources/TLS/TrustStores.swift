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
        /// How many roots were left out.
        let leftOut: Int
        weak var store: TrustStore?
    }

    private let known = Mutex<[String: Known]>([:])

    private let ownRoots = Mutex<[LocalCA.Certificate]>([])

    /// For stores that are loaded from now on. Roots are known here before they are installed, and stay known when their
    /// authorities are removed, as they may be installed still.
    func leaveOut(_ roots: [LocalCA.Certificate]) {
        ownRoots.withLock { known in
            for root in roots where !known.contains(where: { $0.fingerprint == root.fingerprint }) {
                known.append(root)
            }
        }
    }

    /// May read the file.
    func store(of path: String?) throws(TLSFailure) -> TrustStore {
        let file = path ?? TrustStore.system
        let stamp = FileStamps([file])
        let roots = ownRoots.withLock { $0 }
        let found = known.withLock { known in
            known[file].flatMap { $0.stamp == stamp && $0.leftOut == roots.count ? $0.store : nil }
        }
        if let found { return found }
        let store = try TrustStore.load(path, without: roots)
        known.withLock { known in
            known = known.filter { $0.value.store != nil }
            known[file] = Known(stamp: stamp, leftOut: roots.count, store: store)
        }
        return store
    }
}
