import Glibc

/// How files looked when they were read: a file that looks different has changed. Value.
package struct FileStamps: Equatable, Sendable {
    /// Nil where there is no such file.
    private var stamps: [Stamp?]

    private struct Stamp: Equatable, Sendable {
        let inode: ino_t
        let size: off_t
        let modified: Time
        /// Also moved by chmod and chown: a file that could not be read may be readable now.
        let changed: Time
    }

    private struct Time: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) {
            seconds = time.tv_sec
            nanoseconds = time.tv_nsec
        }
    }

    /// `trusting`: the certificates to trust are among the files.
    init(_ files: TLSProfile.Files, trusting: Bool) {
        let paths = [trusting ? files.authorities ?? TrustStore.system : nil, files.certificate, files.key]
        self.init(paths.compactMap { $0 })
    }

    /// Different where `version` is: for tests, which have no files.
    package init(version: Int) {
        stamps = [Stamp(inode: 0, size: version, modified: Time(timespec()), changed: Time(timespec()))]
    }

    package init(_ paths: [String]) {
        stamps = paths.map { path in
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            return Stamp(
                inode: facts.st_ino, size: facts.st_size, modified: Time(facts.st_mtim), changed: Time(facts.st_ctim))
        }
    }
}
