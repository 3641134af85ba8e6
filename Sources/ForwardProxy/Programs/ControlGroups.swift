import Metering
import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// The systemd units of control groups by the numbers that the kernel has for them, which are the inodes of their folders.
/// Bounded; reads the folders anew where a number is unknown, at most every few seconds. Value.
struct ControlGroups: Sendable {
    /// Where version 2 is mounted; nil where it is not.
    private let root: String?
    private var units: [UInt64: String?] = [:]
    private var nextReading = Instant.zero

    private static let pause = Interval.seconds(2)
    private static let mostFolders = 20_000
    private static let deepest = 12

    /// `mounts`: in the format of /proc/self/mounts.
    init(mounts: String) {
        let lines = mounts.split(separator: "\n").map { $0.split(separator: " ") }
        root = lines.first { $0.count > 2 && $0[2] == "cgroup2" }.map { String($0[1]) }
    }

    static let ofHost = ControlGroups(mounts: ProcessFiles(root: "/proc").wholeText(of: "/proc/self/mounts"))

    /// Nil where there is none, or none that can be found.
    mutating func unit(of group: UInt64, now: Instant) -> String? {
        guard group > 0, root != nil else { return nil }
        if let known = units[group] { return known }
        guard now >= nextReading else { return nil }
        nextReading = now + Self.pause
        read()
        let found = units[group] ?? nil
        units[group] = .some(found)
        return found
    }

    private mutating func read() {
        guard let root else { return }
        units.removeAll(keepingCapacity: true)
        var left = Self.mostFolders
        read(root, below: "", depth: 0, &left)
    }

    private mutating func read(_ folder: String, below path: String, depth: Int, _ left: inout Int) {
        guard depth < Self.deepest, left > 0, let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        left -= 1
        var status = stat()
        if fstat(dirfd(directory), &status) == 0 {
            units[UInt64(status.st_ino)] = .some(SystemdUnit.name(ofControlGroup: path))
        }
        while let entry = readdir(directory) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = ProcessFiles.withName(entry) { String(cString: $0) }
            if name != ".", name != ".." {
                read("\(folder)/\(name)", below: "\(path)/\(name)", depth: depth + 1, &left)
            }
        }
    }
}
