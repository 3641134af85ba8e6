import AdminClient

/// A view that is drawn anew at an interval, on a terminal in place, elsewhere one below the other. q quits. Value.
struct LiveView: Sendable {
    /// Draws one view in so many columns (nil: as wide as it is), in colour or not, with letters beyond ASCII or not.
    typealias Drawing = @Sendable (_ columns: Int?, _ color: Bool, _ unicode: Bool) -> [String]

    let output: Output
    /// Seconds.
    let interval: Int
    let sample: @Sendable () async throws(AdminFailure) -> Drawing

    private enum Event: Sendable {
        case terminal(LiveTerminal.Event)
        case sampled(Result<Drawing, AdminFailure>)
    }

    /// `count`: how many views; nil: until the user or the reader ends it, and one where there is no terminal.
    func run(count: Int?) async throws {
        if output.screen.movesCursor {
            try await live(count: count)
        } else {
            try await printed(count: count ?? (output.screen.isTerminal ? .max : 1))
        }
    }

    private func printed(count: Int) async throws {
        for number in 0..<count {
            if number > 0 { try await Task.sleep(for: .seconds(interval)) }
            output.lines(try await sample()(output.width, false, output.screen.hasUnicode) + [""])
            try output.check()
        }
    }

    /// Keys and signals are handled while a sample is outstanding, and the terminal is restored on every exit.
    private func live(count: Int?) async throws {
        var drawing = try await sample()
        var left = count ?? .max
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let terminal = try LiveTerminal { continuation.yield(.terminal($0)) }
        defer { terminal.restore() }
        let sampling = Task { await keepSampling { continuation.yield(.sampled($0)) } }
        defer { sampling.cancel() }
        show(drawing, on: terminal)
        for await event in events {
            try output.check()
            switch event {
            case .terminal(.key(UInt8(ascii: "q"))), .terminal(.key(UInt8(ascii: "Q"))), .terminal(.hungUp): return
            case .terminal(.key): continue
            case .terminal(.resized): break
            case .terminal(.suspended): terminal.suspend()
            case .terminal(.continued): terminal.take()
            case .terminal(.ended(let number)): terminal.end(by: number)
            case .sampled(let sample):
                drawing = try sample.get()
                left -= 1
                if left == 0 { return }
            }
            show(drawing, on: terminal)
        }
    }

    private func keepSampling(_ tell: (Result<Drawing, AdminFailure>) -> Void) async {
        while (try? await Task.sleep(for: .seconds(interval))) != nil {
            do throws(AdminFailure) { tell(.success(try await sample())) } catch { return tell(.failure(error)) }
        }
    }

    private func show(_ drawing: Drawing, on terminal: LiveTerminal) {
        let size = Screen.sizeOfTerminal
        let lines = drawing(size.columns, output.screen.hasColor, output.screen.hasUnicode)
        terminal.draw(Array(lines.prefix(max(size.rows - 1, 1))))
    }
}
