import AdminClient
import AdminModels
import ArgumentParser

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract:
            "Shows origins live, or programs: requests, connections, waiting requests. q quits, s sorts by the next column.",
        discussion: """
            connctl top
            connctl top --sort waiting --interval 5
            connctl top --count 3 | tee load.txt      without a terminal it prints and exits
            connctl top --by program                  which programs connect how often, and to which origins
            connctl top --by program -o wide          with up to ten origins, processes and units
            connctl top --by program -o json          once, as the API gives it

            A program is a systemd service, else an executable by its file name and user. What could not be attributed is \
            told below the table; connd(8) says why.

            On a terminal that cannot move its cursor (TERM is dumb or empty), tables are printed one below the other.
            """)

    @Option(help: "What each row is.")
    var by = TopSubject.origin

    @Option(help: "The initial sort order, of origins.")
    var sort = TopScreen.Sort.rate

    @Option(help: ArgumentHelp("Seconds between updates, 1 to 3600.", valueName: "seconds"))
    var interval = 1

    @Option(help: ArgumentHelp("Exit after this many updates. Default without a terminal: 1.", valueName: "count"))
    var count: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...3600).contains(interval) else { throw ValidationError("--interval must be 1 to 3600 seconds.") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more.") }
        guard by == .origin || sort == .rate else {
            throw ValidationError("--sort is for origins: programs are sorted by what they did within a minute.")
        }
    }

    mutating func run() async throws {
        let (subject, sort, interval, count) = (by, sort, interval, count)
        try await Session.run(global) { session in
            let output = session.output
            if subject == .program {
                return try await ProgramsText.show(session.client, output, interval: interval, count: count)
            }
            if output.isJSON {
                throw CommandFailure(
                    "top has no JSON", status: .usage, next: ["connctl list -o json    repeatedly"])
            }
            let watch = TopWatch(client: session.client, output: output, sort: sort, interval: interval)
            if output.screen.movesCursor {
                try await watch.live(count: count)
            } else {
                try await watch.printed(count: count ?? (output.screen.isTerminal ? .max : 1))
            }
        }
    }
}

/// What the rows of `top` are. Value.
enum TopSubject: String, CaseIterable, ExpressibleByArgument, Sendable {
    case origin, program
}

/// Samples connd periodically and shows the changes between two samples. Value.
struct TopWatch: Sendable {
    let client: AdminClient
    let output: Output
    var sort: TopScreen.Sort
    let interval: Int

    /// One page, and more lines than a terminal has.
    private static let most = 1000
    /// Rates need a clock that cannot be set.
    private static let began = ContinuousClock.now

    private enum Event: Sendable {
        case terminal(LiveTerminal.Event)
        case sampled(Result<TopScreen.Sample, AdminFailure>)
    }

    func sample() async throws(AdminFailure) -> TopScreen.Sample {
        var query = OriginQuery()
        query.sort = .lastUsed
        query.page.limit = Self.most
        let origins = try await client.origins(query).content.items
        return TopScreen.Sample(
            status: try await client.status().content, origins: origins,
            time: Int64(Self.began.duration(to: .now) / .milliseconds(1)))
    }

    func printed(count: Int) async throws {
        var before = try await sample()
        for _ in 0..<count {
            try await Task.sleep(for: .seconds(interval))
            let after = try await sample()
            let screen = TopScreen(before: before, after: after, sort: sort)
            output.lines(
                screen.lines(columns: output.width, rows: nil, color: false, unicode: output.screen.hasUnicode) + [""])
            try output.check()
            before = after
        }
    }

    /// Keys and signals are handled while a sample is outstanding, and the terminal is restored on every exit.
    func live(count: Int?) async throws {
        let first = try await sample()
        var screen = TopScreen(before: first, after: first, sort: sort)
        var left = count ?? .max
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let terminal = try LiveTerminal { continuation.yield(.terminal($0)) }
        defer { terminal.restore() }
        let sampling = Task { await keepSampling { continuation.yield(.sampled($0)) } }
        defer { sampling.cancel() }
        show(screen, on: terminal)
        for await event in events {
            try output.check()
            switch event {
            case .terminal(.key(UInt8(ascii: "q"))), .terminal(.key(UInt8(ascii: "Q"))), .terminal(.hungUp): return
            case .terminal(.key(UInt8(ascii: "s"))), .terminal(.key(UInt8(ascii: "S"))): screen.sort = screen.sort.next
            case .terminal(.key): continue
            case .terminal(.resized): break
            case .terminal(.suspended): terminal.suspend()
            case .terminal(.continued): terminal.take()
            case .terminal(.ended(let number)): terminal.end(by: number)
            case .sampled(let sample):
                screen.before = screen.after
                screen.after = try sample.get()
                left -= 1
                if left == 0 { return }
            }
            show(screen, on: terminal)
        }
    }

    private func keepSampling(_ tell: (Result<TopScreen.Sample, AdminFailure>) -> Void) async {
        while (try? await Task.sleep(for: .seconds(interval))) != nil {
            do throws(AdminFailure) { tell(.success(try await sample())) } catch { return tell(.failure(error)) }
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
