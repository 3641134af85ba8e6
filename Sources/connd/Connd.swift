import CLinux
import ConfigurationFile
import Foundation
import ProcessOutput
import Systemd

#if canImport(Glibc)
    import Glibc
#endif

@main
struct Connd {
    static func main() {
        StandardStreams.occupyClosed()
        Signals.block()
        clinux_bound_heaps(2)
        let options = CommandLineAnswer.optionsOrExit()
        if let answer = options.configurationAnswer() { answer.printAndExit() }
        // From here on all messages go through one writer, in order and without blocking.
        let log = LogTarget(Configuration.Log(), environment: ProcessInfo.processInfo.environment)
        do {
            if options.recordEnd {
                try RecordedEnd.record(environment: ProcessInfo.processInfo.environment)
                exit(0)
            }
            let daemon = try Daemon(try options.load(), options: options, log: log)
            let status = daemon.run()
            log.flush()
            exit(status)
        } catch {
            fail(error, log)
        }
    }

    /// Adds the priority where standard error is the journal, so that `journalctl -p err` finds it.
    private static func fail(_ error: any Error, _ log: LogTarget) -> Never {
        let isJournal = Journal.isStandardError(environment: ProcessInfo.processInfo.environment)
        let head = isJournal ? "<3>" : ""
        for line in "\(error)".split(separator: "\n") { log.write("\(head)connd: \(line)\n") }
        log.flush()
        exit(1)
    }
}
