import Metering
import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// What /proc tells of processes. Reads, and remembers nothing. Value.
struct ProcessFiles: Sendable {
    let root: String

    // MARK: Which there are

    /// The newest first.
    func all() -> [Int32] {
        guard let directory = opendir(root) else { return [] }
        defer { closedir(directory) }
        var found: [Int32] = []
        while let entry = readdir(directory) {
            if let number = Self.number(entry) { found.append(number) }
        }
        return found.sorted(by: >)
    }

    /// The number that was given last, to a process or a thread; nil where the kernel does not tell.
    func latest() -> Int32? {
        text(of: "\(root)/loadavg")?.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) }
    }

    /// The effective one; a process that hides its memory counts as root's. Nil where there is no such process.
    func user(of process: Int32) -> UInt32? {
        var status = stat()
        return stat("\(root)/\(process)", &status) == 0 ? status.st_uid : nil
    }

    /// The process to which a thread belongs: /proc has those too, though it does not list them.
    func leader(of thread: Int32) -> Int32? {
        let line = text(of: "\(root)/\(thread)/status")?.split(separator: "\n").first { $0.hasPrefix("Tgid:") }
        return line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) }
    }

    /// The number of the process that started it.
    func parent(of process: Int32) -> Int32? {
        // Behind the name, which may hold anything, come the state and the parent.
        let fields = text(of: "\(root)/\(process)/stat")?.split(separator: ")").last?.split(separator: " ")
        return fields.flatMap { $0.count > 1 ? Int32($0[1]) : nil }
    }

    // MARK: Sockets

    /// The inode of the socket that this descriptor is.
    func socket(of process: Int32, _ descriptor: Int32) -> UInt32? {
        Self.inode(AT_FDCWD, "\(root)/\(process)/fd/\(descriptor)")
    }

    /// Until `visit` says that it has seen enough.
    func eachSocket(of process: Int32, _ visit: (_ descriptor: Int32, _ inode: UInt32) -> Bool) {
        guard let directory = opendir("\(root)/\(process)/fd") else { return }
        defer { closedir(directory) }
        let folder = dirfd(directory)
        while let entry = readdir(directory) {
            guard let descriptor = Self.number(entry) else { continue }
            let inode = Self.withName(entry) { Self.inode(folder, $0) }
            if let inode, !visit(descriptor, inode) { return }
        }
    }

    private static func inode(_ folder: CInt, _ path: UnsafePointer<CChar>) -> UInt32? {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { room in
            let count = room.withMemoryRebound(to: CChar.self) { names in
                names.baseAddress.map { readlinkat(folder, path, $0, names.count) } ?? -1
            }
            let prefix = "socket:["
            guard count > prefix.utf8.count, room.prefix(prefix.utf8.count).elementsEqual(prefix.utf8) else {
                return nil
            }
            var number: UInt64 = 0
            for byte in room[prefix.utf8.count..<count] {
                guard (0x30...0x39).contains(byte), number < 1 << 40 else { break }
                number = number * 10 + UInt64(byte - 0x30)
            }
            return UInt32(exactly: number)
        }
    }

    // MARK: What a process is

    /// The file name of its executable, or what comes closest.
    func name(of process: Int32) -> String? {
        if let path = target(of: "\(root)/\(process)/exe") {
            // An upgrade has replaced the file since.
            let deleted = " (deleted)"
            return Self.fileName(path.hasSuffix(deleted) ? String(path.dropLast(deleted.count)) : path)
        }
        if let command = text(of: "\(root)/\(process)/cmdline"),
            let first = command.split(separator: "\0", omittingEmptySubsequences: false).first,
            let name = Self.fileName(String(first))
        {
            return name
        }
        let called = text(of: "\(root)/\(process)/comm")?.split(separator: "\n").first
        return called.flatMap { Self.fileName(String($0)) }
    }

    /// Of systemd.
    func unit(of process: Int32) -> String? {
        text(of: "\(root)/\(process)/cgroup")
            .flatMap { SystemdUnit.controlGroup(inProcessFile: $0) }
            .flatMap { SystemdUnit.name(ofControlGroup: $0) }
    }

    private static func fileName(_ path: String) -> String? {
        path.split(separator: "/").last.map(String.init)
    }

    // MARK: Files

    private static func number(_ entry: UnsafeMutablePointer<dirent>) -> Int32? {
        withName(entry) { name in
            var number: Int32 = 0
            var place = name
            while place.pointee != 0 {
                guard (0x30...0x39).contains(place.pointee), number < 1 << 26 else { return nil }
                number = number * 10 + Int32(place.pointee - 0x30)
                place += 1
            }
            return place == name ? nil : number
        }
    }

    static func withName<Result>(
        _ entry: UnsafeMutablePointer<dirent>, _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        withUnsafePointer(to: &entry.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: 256, body)
        }
    }

    private func target(of path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
            guard let base = room.baseAddress else { return nil }
            let count = readlink(path, base, room.count)
            return count < 0 ? nil : String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
        }
    }

    /// Its first bytes.
    func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
            let count = read(file, room.baseAddress, room.count)
            guard count > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(rebasing: room[..<count]), as: UTF8.self)
        }
    }

    /// Empty where it cannot be read.
    func wholeText(of path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { room in
            while bytes.count < 1 << 20 {
                let count = fread(room.baseAddress, 1, room.count, file)
                guard count > 0 else { break }
                bytes.append(contentsOf: room[..<count])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
