import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// What the kernel reports about this process. Shared.
struct ProcessState: Sendable {
    /// In milliseconds since 1970; not adjusted when the clock is set later.
    let startedAt = SystemClock.wall()
    private let started = SystemClock.instant()
    let processID = Int(getpid())

    /// In milliseconds, including time that the machine was suspended.
    var uptime: Int64 { (SystemClock.instant() - started).wholeMilliseconds }

    /// Resident memory in bytes; 0 where unknown.
    var memoryBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, CInt(line.count), file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
    }

    /// Open file descriptors.
    var descriptors: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // `.`, `..` and the descriptor of the folder itself.
        return max(count - 3, 0)
    }

    var descriptorLimit: Int {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 0
    }

    /// User and system, in microseconds.
    var processorTime: Int64 {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func microseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec) }
        return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
    }
}
