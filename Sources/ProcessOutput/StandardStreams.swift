import Glibc

/// Standard input, output and error of the process.
package enum StandardStreams {
    /// Gives a descriptor that was passed closed (`connd 2>&-`) to a file that refuses what goes to it. Else the next socket
    /// or database that is opened would get its number, and with it all that is printed. To be called before anything opens.
    package static func occupyClosed() {
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)] {
            guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
            // The lowest number that is free, which is this one.
            _ = open("/dev/null", mode)
        }
    }
}
