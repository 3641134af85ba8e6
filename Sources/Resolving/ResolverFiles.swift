import CAres
package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// Where the resolver reads what it goes by. Value.
package struct ResolverPaths: Hashable, Sendable {
    package var resolvConf = "/etc/resolv.conf"
    package var hosts = "/etc/hosts"
    package var nsswitch = "/etc/nsswitch.conf"
    /// Asked instead of the servers that `resolvConf` names; empty: those.
    package var servers: [Endpoint] = []

    package init() {}
}

/// Tells one version of a file from the next. Value.
struct FileStamp: Equatable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let changed: Int64

    /// Nil where there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }
}

/// The files as they were read last, with their stamps. Read by a worker: a file may be on a slow disk. Value.
struct ResolverFiles: Sendable {
    private(set) var hosts = HostsFile()
    private(set) var sources = NameSources()
    private(set) var options = ResolverOptions()
    private var stamps: [FileStamp?] = []
    private let paths: ResolverPaths

    /// More of a file is not read.
    private static let maxBytes = 16 << 20

    init(_ paths: ResolverPaths) {
        self.paths = paths
        stamps = Self.stamps(paths)
        hosts = HostsFile(parsing: Self.contents(paths.hosts))
        sources = NameSources(parsing: Self.contents(paths.nsswitch))
        options = ResolverOptions(parsing: Self.contents(paths.resolvConf))
    }

    /// Which have changed since.
    func changes() -> (any: Bool, resolvConf: Bool) {
        let now = Self.stamps(paths)
        return (now != stamps, now.first != stamps.first)
    }

    private static func stamps(_ paths: ResolverPaths) -> [FileStamp?] {
        [paths.resolvConf, paths.hosts, paths.nsswitch].map { FileStamp($0) }
    }

    private static func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < maxBytes {
            let count = fread(&part, 1, part.count, file)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes
    }
}
