import AdminClient
import AdminModels
import ArgumentParser

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Origins live: requests a second, connections, who waits. q quits, s sorts by the next column.",
        discussion: """
            connctl top
            connctl top --sort waiting --interval 5
            connctl top --count 3 | tee load.txt      without a terminal it prints, and ends
            """)

    @Option(help: "Sorted by this at first.")
    var sort = TopScreen.Sort.rate

    @Option(help: ArgumentHelp("Seconds between looks, 1 to 3600.", valueName: "seconds"))
    var interval = 1

    @Option(help: ArgumentHelp("End after this many looks; without a terminal 1 where not said.", valueName: "count"))
    var count: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...3600).contains(interval) else { throw ValidationError("--interval must be 1 to 3600 seconds.") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more.") }
    }

    mutating func run() async throws {
        let (sort, interval, count) = (sort, interval, count)
        try await Session.run(global) { session in
            let output = session.output
            if output.isJSON {
                throw CommandFailure(
                    "top has no JSON", status: .usage, next: ["connctl list -o json    as often as you like"])
            }
            let watch = TopWatch(client: session.client, output: output, sort: sort, interval: interval)
            if output.screen.isTerminal {
                try await watch.live(count: count)
            } else {
                try await watch.printed(count: count ?? 1)
            }
        }
    }
}

/// Looks at connd again and again and shows what changed between two looks. Loop-bound: one task.
struct TopWatch {
    let client: AdminClient
    let output: Output
    var sort: TopScreen.Sort
    let interval: Int

    /// One page: more lines than a terminal has.
    private static let most = 1000

    func look() async throws(AdminFailure) -> TopScreen.Look {
        var query = OriginQuery()
        query.sort = .lastUsed
        query.page.limit = Self.most
        let origins = try await client.origins(query).content.items
        return TopScreen.Look(
            status: try await client.status().content, origins: origins, time: Surroundings.current.now())
    }

    func printed(count: Int) async throws {
        var before = try await look()
        for _ in 0..<count {
            try await Task.sleep(for: .seconds(interval))
            let after = try await look()
            let screen = TopScreen(before: before, after: after, sort: sort)
            output.lines(screen.lines(columns: nil, rows: nil, color: false, unicode: output.screen.hasUnicode) + [""])
            before = after
        }
    }

    /// Between looks it waits for keys; the terminal is given back however it ends.
    func live(count: Int?) async throws {
        var sort = sort
        var before = try await look()
        var after = before
        var left = count
        let terminal = try LiveTerminal()
        defer { terminal.restore() }
        while true {
            show(TopScreen(before: before, after: after, sort: sort), on: terminal)
            switch terminal.key(within: interval * 1000) {
            case .quit: return
            case .sort: sort = sort.next
            case .resized: continue
            case .none:
                before = after
                after = try await look()
                if let remaining = left {
                    if remaining <= 1 { return }
                    left = remaining - 1
                }
            }
        }
    }

    private func show(_ screen: TopScreen, on terminal: LiveTerminal) {
        let size = Screen.sizeOfTerminal
        terminal.draw(
            screen.lines(
                columns: size.columns, rows: size.rows, color: output.screen.hasColor,
                unicode: output.screen.hasUnicode))
    }
}
