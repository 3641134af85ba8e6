/// The result of a program that was run to its end. Value.
package struct Subprocess: Sendable, CustomStringConvertible {
    package let command: String
    package let exitCode: Int32
    package let output: String
    package let errors: String

    package var description: String { "\(command) ended with \(exitCode)\n\(output)\n\(errors)" }

    /// Throws if the program is missing or does not end in time.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        directory: String? = nil, passing: [SocketUnit] = [], within milliseconds: Int = 2 * TestTimeout.milliseconds
    ) throws -> Subprocess {
        let child = try ChildProcess(
            program, arguments, environment: environment, input: input, directory: directory, passing: passing)
        let ended = try child.waitForEnd(within: milliseconds)
        return Subprocess(
            command: ([program] + arguments).joined(separator: " "), exitCode: ended.exitCode ?? -1,
            output: ended.outText, errors: ended.errText)
    }
}
