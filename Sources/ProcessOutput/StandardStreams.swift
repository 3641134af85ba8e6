import Glibc

/// Standard input, output and error of the process.
package enum StandardStreams {
    /// Opens a descriptor that was closed by the parent (`connd 2>&-`) on a file that refuses writes. Otherwise the
    /// next socket or database would get its number, and all output with it. To be called before anything is opened.
    package static func occupyClosed() {
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)] {
            guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
            // Takes the lowest free number, which is this one.
            _ = open("/dev/null", mode)
        }
    }
}
