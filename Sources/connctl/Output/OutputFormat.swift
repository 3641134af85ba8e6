import ArgumentParser
import ProcessOutput

/// The format of the output.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table, json, wide
}

/// Writes results: tables and lists for people, the API's JSON for programs. Value.
struct Output: Sendable {
    let format: OutputFormat
    let screen: Screen
    private let sink: any TextSink

    init(format: OutputFormat, hasColor: Bool, environment: CommandEnvironment) {
        self.format = format
        var screen = environment.screen
        if !hasColor { screen.hasColor = false }
        self.screen = screen
        sink = environment.output
    }

    var isJSON: Bool { format == .json }
    var isWide: Bool { format == .wide }
    /// The available columns; nil for no truncation.
    var width: Int? { screen.isTerminal ? screen.columns : nil }

    /// Ends a verb that runs until stopped, once nothing more can be written.
    func check() throws(OutputEnded) {
        if sink.end != nil { throw OutputEnded() }
    }

    func json(_ body: [UInt8]) {
        let text = SafeText.json(body)
        sink.write(text.isEmpty || text.hasSuffix("\n") ? text : text + "\n")
    }

    /// Untrusted text must have gone through `SafeText`.
    func lines(_ lines: [String]) {
        if !lines.isEmpty { sink.write(lines.joined(separator: "\n") + "\n") }
    }

    func line(_ text: String, _ style: TextStyle = .plain) {
        lines([style.apply(SafeText.line(text), color: screen.hasColor)])
    }

    func table(_ table: Table) {
        lines(table.lines(width: width, color: screen.hasColor, unicode: screen.hasUnicode))
    }

    func facts(_ facts: LabelledList) {
        lines(facts.lines(color: screen.hasColor))
    }

    func raw(_ text: String) {
        sink.write(text)
    }
}

/// Thrown to end a verb whose output can no longer be written; the caller knows the reason. Value.
struct OutputEnded: Error, Hashable {}
