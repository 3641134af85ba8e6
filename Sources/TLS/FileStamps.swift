import Glibc

/// How files looked when they were read: a file that looks different has changed. Value.
package struct FileStamps: Equatable, Sendable {
    /// Nil where there is no such file.
    private var stamps: [Stamp?]

    private struct Stamp: Equatable, Sendable {
        let inode: ino_t
        let size: off_t
        let seconds: Int
        let nanoseconds: Int
    }

    /// `trusting`: the certificates to trust are among the files.
    init(_ files: TLSProfile.Files, trusting: Bool) {
        let paths = [trusting ? files.authorities ?? TrustStore.system : nil, files.certificate, files.key]
        self.init(paths.compactMap { $0 })
    }

    /// Different where `version` is: for tests, which have no files.
    package init(version: Int) {
        stamps = [Stamp(inode: 0, size: version, seconds: 0, nanoseconds: 0)]
    }

    package init(_ paths: [String]) {
        stamps = paths.map { path in
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            return Stamp(
                inode: facts.st_ino, size: facts.st_size, seconds: facts.st_mtim.tv_sec,
                nanoseconds: facts.st_mtim.tv_nsec)
        }
    }
}
