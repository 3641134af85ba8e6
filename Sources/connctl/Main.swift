import Glibc
import ProcessOutput

@main
enum Main {
    static func main() async {
        StandardStreams.occupyClosed()
        // Writing to a pipe nobody reads is seen by its error, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        let status = await Connctl.run(Array(CommandLine.arguments.dropFirst()))
        exit(status.rawValue)
    }
}
