import Glibc
import ProcessOutput

@main
enum Main {
    static func main() async {
        StandardStreams.occupyClosed()
        // A write to a closed pipe is reported as an error, not by a signal.
        signal(SIGPIPE, SIG_IGN)
        let status = await Connctl.run(Array(CommandLine.arguments.dropFirst()))
        exit(status.rawValue)
    }
}
