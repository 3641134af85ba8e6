import Foundation

/// Moves the clocks of a process that was started with `environment`. The clocks of the machine are not changed.
/// Shared.
package final class MovedClock: Sendable {
    private let folder: ScratchFolder
    private let offsets: String
    private let library: String

    /// The file holds two numbers, in seconds: what CLOCK_REALTIME and what CLOCK_BOOTTIME is ahead by.
    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile int64_t *offsets;

        __attribute__((constructor)) static void open_offsets(void) {
            const char *path = getenv("MOVED_CLOCK");
            int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            if (fd < 0) return;
            void *map = mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
            if (map != MAP_FAILED) offsets = map;
            close(fd);
        }

        int clock_gettime(clockid_t id, struct timespec *time) {
            int result = syscall(SYS_clock_gettime, id, time);
            if (result == 0 && offsets && id == CLOCK_REALTIME) time->tv_sec += offsets[0];
            if (result == 0 && offsets && id == CLOCK_BOOTTIME) time->tv_sec += offsets[1];
            return result;
        }

        int gettimeofday(struct timeval *time, void *zone) {
            int result = syscall(SYS_gettimeofday, time, zone);
            if (result == 0 && time && offsets) time->tv_sec += offsets[0];
            return result;
        }
        """

    package init() throws {
        folder = try ScratchFolder()
        let source = try folder.write("moved_clock.c", Self.source)
        library = folder.path + "/moved_clock.so"
        let built = try Subprocess.run("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source])
        guard built.exitCode == 0 else { throw TestFailure("\(built)") }
        offsets = folder.path + "/offsets"
        try Data(count: 16).write(to: URL(fileURLWithPath: offsets))
    }

    package var environment: [String: String] { ["LD_PRELOAD": library, "MOVED_CLOCK": offsets] }

    /// Seconds; `bootAhead`: the machine was suspended for so long.
    package func set(wallAhead: Int, bootAhead: Int = 0) {
        let bytes = [Int64(wallAhead), Int64(bootAhead)].withUnsafeBytes { Data($0) }
        guard let file = FileHandle(forWritingAtPath: offsets) else { return }
        file.write(bytes)
        try? file.close()
    }
}
