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
        let options = CommandLineAnswer.optionsOrEnd()
        if let answer = options.configurationAnswer() { answer.giveAndEnd() }
        if options.recordEnd { recordEnd() }
        do {
            let loaded = try options.load()
            let daemon = try Daemon(loaded, options: options)
            exit(daemon.run())
        } catch {
            fail(error)
        }
    }

    private static func recordEnd() -> Never {
        do {
            try RecordedEnd.record(environment: ProcessInfo.processInfo.environment)
            exit(0)
        } catch {
            fail(error)
        }
    }

    /// To the journal with its priority where that is standard error, so that `journalctl -p err` finds it.
    private static func fail(_ error: any Error) -> Never {
        let isJournal = Journal.isStandardError(environment: ProcessInfo.processInfo.environment)
        let head = isJournal ? "<3>" : ""
        var text = "\(error)".split(separator: "\n").map { "\(head)connd: \($0)\n" }.joined()
        _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(1)
    }
}
