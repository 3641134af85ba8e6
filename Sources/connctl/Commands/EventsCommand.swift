import AdminClient
import AdminModels
import ArgumentParser
import Synchronization

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract:
            "Shows recent events: settings, actions, reloads, the database; with --follow, new ones as they happen.",
        discussion: """
            connctl events
            connctl events --follow
            connctl events --follow -o json      one JSON object per line
            """)

    @Flag(name: .shortAndLong, help: "Keep printing new events, also across a restart of connd, until ^C.")
    var follow = false

    @Flag(help: "Also print periodic ticks.")
    var ticks = false

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let (follow, ticks) = (follow, ticks)
        try await Session.run(global) { session in
            let output = session.output
            // A plain request shows first whether connd is there at all.
            _ = try await session.client.version()
            let events = session.client.events(after: 0, resumes: follow)
            let show: @Sendable (AdminEvent) -> Void = { event in
                guard ticks || event.report.type != "tick", event.report.type != "reset" else { return }
                if output.isJSON { return output.json(Array(event.json.utf8)) }
                output.lines([EventText.line(event.report, color: output.screen.hasColor)])
            }
            if follow {
                for try await event in events {
                    show(event)
                    try output.check()
                }
            } else {
                try await EventText.untilQuiet(events, show)
            }
        }
    }
}

/// Events as lines.
enum EventText {
    /// Stored events arrive at once; after this pause there are no more of them.
    static let quiet = Duration.milliseconds(400)
    static let longest = 25

    static func line(_ event: EventReport, color: Bool) -> String {
        let place = event.origin.map { " \($0):" } ?? ""
        let style: TextStyle = event.type == "store" || event.type == "ports" ? .warning : .plain
        return TextStyle.dim.apply(SafeText.line(Formatting.time(event.time)), color: color) + "  "
            + style.apply(SafeText.line(event.type), color: color) + " "
            + SafeText.line("\(place) \(event.message)")
            .drop { $0 == " " }
    }

    static func untilQuiet(
        _ events: AsyncThrowingStream<AdminEvent, any Error>, _ show: @escaping @Sendable (AdminEvent) -> Void
    ) async throws {
        let seen = SeenEvents()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await event in events {
                    show(event)
                    if event.report.type != "tick" { seen.count.add(1, ordering: .relaxed) }
                }
            }
            group.addTask {
                var last = -1
                for _ in 0..<longest where last != seen.count.load(ordering: .relaxed) {
                    last = seen.count.load(ordering: .relaxed)
                    try await Task.sleep(for: quiet)
                }
            }
            // Whichever ends first: the stream was cut, or went quiet.
            try await group.next()
            group.cancelAll()
        }
    }
}

/// Counts the events received. Shared.
private final class SeenEvents: Sendable {
    let count = Atomic(0)
}
