import ArgumentParser
import ConfigurationFile
import Foundation
import ProcessOutput

#if canImport(Glibc)
    import Glibc
#endif

extension CommandLineAnswer {
    /// Exits where the command line asks for help or the version, or is invalid.
    static func optionsOrExit() -> CommandLineOptions {
        do {
            return try CommandLineOptions.parse()
        } catch {
            let status = CommandLineOptions.exitCode(for: error)
            let text = CommandLineOptions.fullMessage(for: error)
            let lines = text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
            let isAsked = status.isSuccess
            CommandLineAnswer(
                output: isAsked ? lines : "", errors: isAsked ? "" : lines, status: status.rawValue
            ).printAndExit()
        }
    }

    /// Exits with `status`. Output that cannot be written is a failure, unless the reader has closed the pipe.
    func printAndExit() -> Never {
        let (out, err) = (CommandOutput(STDOUT_FILENO), CommandOutput(STDERR_FILENO))
        out.write(output)
        err.write(errors)
        guard let failure = out.end?.failure else { exit(status) }
        err.write("connd: cannot write to standard output: \(failure)\n")
        exit(status == 0 ? 1 : status)
    }
}
