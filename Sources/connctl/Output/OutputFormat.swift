import ArgumentParser
import ProcessOutput

/// How answers are written.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table, json, wide
}

/// Writes answers: tables and facts for people, the API's JSON for programs. Value.
struct Output: Sendable {
    let format: OutputFormat
    let screen: Screen
    private let sink: any TextSink

    init(format: OutputFormat, hasColor: Bool, surroundings: Surroundings) {
        self.format = format
        var screen = surroundings.screen
        if !hasColor { screen.hasColor = false }
        self.screen = screen
        sink = surroundings.output
    }

    var isJSON: Bool { format == .json }
    var isWide: Bool { format == .wide }
    /// What text may take; nil where it is not cut.
    var width: Int? { screen.isTerminal ? screen.columns : nil }

    /// For a verb that goes on until it is stopped: ends it where nothing can be written any more.
    func check() throws(OutputEnded) {
        if sink.end != nil { throw OutputEnded() }
    }

    func json(_ body: [UInt8]) {
        let text = SafeText.json(body)
        sink.write(text.isEmpty || text.hasSuffix("\n") ? text : text + "\n")
    }

    /// Text of others must have gone through `SafeText`.
    func lines(_ lines: [String]) {
        if !lines.isEmpty { sink.write(lines.joined(separator: "\n") + "\n") }
    }

    func line(_ text: String, _ look: Look = .plain) {
        lines([look.apply(SafeText.line(text), color: screen.hasColor)])
    }

    func table(_ table: Table) {
        lines(table.lines(width: width, color: screen.hasColor, unicode: screen.hasUnicode))
    }

    func facts(_ facts: Facts) {
        lines(facts.lines(color: screen.hasColor))
    }

    func raw(_ text: String) {
        sink.write(text)
    }
}

/// Ends a verb whose output goes nowhere; whoever runs the verb knows why. Value.
struct OutputEnded: Error, Hashable {}
