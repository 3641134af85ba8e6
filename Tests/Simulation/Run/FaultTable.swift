#if CONND_PLANTED_FAULTS
    import Foundation
    import ProxyTypes

    #if canImport(Glibc)
        import Glibc
    #endif

    /// `simulate --faults`: plants one fault after the other, and prints how soon each is found, and by which property.
    package enum FaultTable {
        /// Of processor time, as all figures here: they are the same on a busy machine.
        private static let secondsEach = 60.0

        /// With names of faults as arguments, plants only those.
        package static func main(_ arguments: [String]) -> Int32 {
            if arguments.first == "--fault", arguments.count > 1 { return find(arguments[1]) }
            let wanted = arguments.dropFirst().compactMap { name in PlantedFault.allCases.first { "\($0)" == name } }
            let faults = wanted.isEmpty ? PlantedFault.allCases : wanted
            say("| planted fault | seeds | seconds | found by |\n| --- | --- | --- | --- |")
            var missed = 0
            for fault in faults {
                let end = run(fault)
                if end.property == nil { missed += 1 }
                let seconds = String(format: "%.1f", end.seconds)
                say("| \(fault.rawValue) (`\(fault)`) | \(end.seeds) | \(seconds) | \(end.property ?? "not found") |")
            }
            say("\(faults.count - missed) of \(faults.count) found")
            return missed == 0 ? 0 : 1
        }

        /// Unbuffered, because a fault may end the process.
        private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

        private struct End {
            var seeds = 0
            var seconds = 0.0
            var property: String?
        }

        /// In a separate process, because a fault may end it.
        private static func run(_ fault: PlantedFault) -> End {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = ["--fault", "\(fault)"]
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["SWIFT_DETERMINISTIC_HASHING": "1", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
            let output = Foundation.Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            let start = Self.processorTime(of: RUSAGE_CHILDREN)
            var end = End()
            guard (try? process.run()) != nil else { return end }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            end.seconds = Self.processorTime(of: RUSAGE_CHILDREN) - start
            let lines = text.split(separator: "\n")
            end.seeds = lines.count { $0.hasPrefix("seed ") }
            end.property = lines.last { $0.hasPrefix("found ") }.map { String($0.dropFirst(6)) }
            if end.property == nil, process.terminationReason == .uncaughtSignal { end.property = "a trap" }
            return end
        }

        private static func processorTime(of who: __rusage_who) -> Double {
            var usage = rusage()
            getrusage(__rusage_who_t(truncatingIfNeeded: who.rawValue), &usage)
            return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        }

        private static func find(_ name: String) -> Int32 {
            guard let fault = PlantedFault.allCases.first(where: { "\($0)" == name }) else { return 64 }
            PlantedFault.active = fault
            var seed: UInt64 = 1
            while processorTime(of: RUSAGE_SELF) < secondsEach {
                say("seed \(seed)")
                let run = SimulationRun(seed: seed)
                if let property = run.properties.first {
                    say("found \(property): seed \(seed)")
                    return 0
                }
                seed += 1
            }
            return 1
        }
    }
#endif
