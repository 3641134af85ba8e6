import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// `simulate`: runs seeds on all cores, with one process for each core, and prints the story of each finding.
package struct SimulateCommand {
    private var from: UInt64 = 1
    private var count: UInt64?
    private var seconds: Double?
    private var jobs = ProcessInfo.processInfo.activeProcessorCount
    private var maxFindings = 5
    private var single: UInt64?
    private var tellsStory = true
    private var isTraced = false
    private var isWorker = false
    private var step: UInt64 = 1

    static let usage = """
        simulate [--seeds COUNT | FROM..TO] [--minutes M | --seconds S] [--jobs N] [--findings N] [--no-story]
            runs seeds (1000 by default) and prints each finding with a short story
        simulate --seed N [--trace]
            runs one seed and prints its scenario, its findings and its hash; --trace: everything that happens
        simulate --story N
            prints the shortest scenario found that fails like the seed, and what happens in it
        """

    package static func main(_ arguments: [String]) -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(usage)
            return 0
        }
        do {
            return try SimulateCommand(arguments).run(arguments)
        } catch {
            FileHandle.standardError.write(Data("simulate: \(error)\n\(usage)\n".utf8))
            return 64
        }
    }

    private init(_ arguments: [String]) throws {
        var left = arguments[...]
        func value<Value>(_ make: (String) -> Value?) throws -> Value {
            guard let text = left.popFirst(), let value = make(text) else {
                throw Refused("a value is missing or wrong")
            }
            return value
        }
        while let argument = left.popFirst() {
            switch argument {
            case "--seeds":
                let range: (UInt64, UInt64) = try value(Self.range)
                (from, count) = (range.0, range.1)
            case "--from": from = try value { UInt64($0) }
            case "--step": step = try value { UInt64($0) }
            case "--minutes": seconds = try value { Double($0).map { $0 * 60 } }
            case "--seconds": seconds = try value { Double($0) }
            case "--jobs": jobs = try value { Int($0) }
            case "--findings": maxFindings = try value { Int($0) }
            case "--seed": single = try value { UInt64($0) }
            case "--story":
                single = try value { UInt64($0) }
                isTraced = false
                step = 0
            case "--no-story": tellsStory = false
            case "--trace": isTraced = true
            case "--worker": isWorker = true
            default: throw Refused("unknown option \(argument)")
            }
        }
        if count == nil, seconds == nil { count = 1000 }
    }

    private static func range(_ text: String) -> (UInt64, UInt64)? {
        let parts = text.components(separatedBy: "..")
        switch parts.count {
        case 1: return UInt64(parts[0]).map { (1, $0) }
        case 2:
            guard let from = UInt64(parts[0]), let to = UInt64(parts[1]), to >= from else { return nil }
            return (from, to - from + 1)
        default: return nil
        }
    }

    private struct Refused: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private func run(_ arguments: [String]) throws -> Int32 {
        guard isWorker else { return try coordinate(arguments) }
        Crash.report()
        if let single { return runOne(single) }
        return work()
    }

    // MARK: One process

    private func runOne(_ seed: UInt64) -> Int32 {
        Crash.note(seed)
        if step == 0 {
            Self.say(SimulationRun.story(ofSeed: seed))
            return 0
        }
        Self.say(SimulationRun.scenario(ofSeed: seed))
        let run = SimulationRun(seed: seed, isTraced: isTraced)
        if !run.trace.isEmpty { Self.say(run.trace.joined(separator: "\n")) }
        for finding in run.findings { Self.say("finding: \(finding)") }
        Self.say("seed \(seed): \(run.events) events, hash \(run.hash), \(run.isClean ? "clean" : "FAILED")")
        return run.isClean ? 0 : 1
    }

    /// Unbuffered and in one write, because other processes print too and this one may crash.
    private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    private func work() -> Int32 {
        let start = ContinuousClock.now
        var (seeds, events, findings) = (0, 0, 0)
        var told: Set<String> = []
        var seed = from
        while count.map({ seed - from < $0 }) ?? true {
            if let seconds, ContinuousClock.now - start > .seconds(seconds) { break }
            Crash.note(seed)
            let run = SimulationRun(seed: seed)
            seeds += 1
            events += run.events
            if let finding = run.findings.first, let property = run.properties.first {
                findings += 1
                let elapsed = ContinuousClock.now - start
                var text = "FOUND seed \(seed) after \(seeds) seeds and \(elapsed): \(finding)"
                if tellsStory, told.insert(property).inserted {
                    text += "\n" + SimulationRun.story(ofSeed: seed)
                }
                Self.say(text)
                if findings >= maxFindings { break }
            }
            seed += step
        }
        FileHandle.standardError.write(Data("\(seeds) \(events) \(findings)\n".utf8))
        return findings == 0 ? 0 : 1
    }

    // MARK: All processes

    /// Workers have deterministic hashing, so that a seed gives the same run in every process.
    private func coordinate(_ arguments: [String]) throws -> Int32 {
        let workers = single == nil ? max(jobs, 1) : 1
        let start = ContinuousClock.now
        let children = try (0..<workers).map { index in
            var own = arguments + ["--worker"]
            if single == nil { own += ["--step", "\(workers)", "--from", "\(from + UInt64(index))"] }
            return try Child(own)
        }
        let ends = children.map { $0.wait() }
        guard single == nil else { return ends[0].code }
        let seconds = max(Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000, 0.001)
        let (seeds, events) = ends.reduce((0, 0)) { ($0.0 + $1.seeds, $0.1 + $1.events) }
        let rate = Int(Double(events) / seconds)
        print(
            "\(seeds) seeds, \(events) events in \(Int(seconds)) s on \(workers) processes: \(rate) events/s, "
                + "\(ends.reduce(0) { $0 + $1.findings }) findings")
        return ends.contains { $0.code != 0 } ? 1 : 0
    }
}

/// One worker process. It prints its findings itself, and reports its counts on standard error.
private final class Child {
    struct End {
        var code: Int32
        var seeds = 0
        var events = 0
        var findings = 0
    }

    private let process = Process()
    private let counts = Foundation.Pipe()

    init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SWIFT_DETERMINISTIC_HASHING": "1", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardError = counts
        try process.run()
    }

    func wait() -> End {
        let text = String(decoding: counts.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        var end = End(code: process.terminationStatus)
        for line in text.split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            if numbers.count == 3 {
                (end.seeds, end.events, end.findings) = (numbers[0], numbers[1], numbers[2])
            } else {
                print(line)
            }
        }
        return end
    }
}

/// Written before a run and read by the signal handler, both on the only thread.
nonisolated(unsafe) private let crashText = UnsafeMutablePointer<CChar>.allocate(capacity: 64)

/// Prints the seed when the data path traps.
private enum Crash {
    /// Called before the run, as a signal handler cannot format text.
    static func note(_ seed: UInt64) {
        _ = "CRASHED in seed \(seed)\n".withCString { strncpy(crashText, $0, 63) }
    }

    static func report() {
        note(0)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            signal(number) { _ in
                _ = write(1, crashText, strlen(crashText))
                _exit(70)
            }
        }
    }
}
