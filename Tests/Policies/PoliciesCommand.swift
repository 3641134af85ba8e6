import Foundation
import OriginZoo

/// `policies`: how long to keep idle connections, policies side by side.
enum PoliciesCommand {
    private static let usage = """
        policies [--table NAME ...] [--requests N] [--seed N] [--pool daemon|design]
            simulates origins of many kinds under policies that decide how long idle connections are kept, and prints:
              summary      all origins and traffic together (without --table)
              origins      each origin under each kind of traffic
              races        traffic that meets the origin's close as often as it can
              closes       closes until a limit is known to 5 %
              minutes      what is known of each origin after 10 minutes
              events       deployments, restarts, paths that forget, lying hints: what was learned, when, at what cost
              exploration  sockets and requests that exploring costs
              memory       what is kept of an origin
              all          each of them
            --requests: measured after learning, for each policy (1000000; of `races`: for each origin). The same seed gives
            the same figures. --pool design: the pool of the design, which differs from connd's in small ways.
        """

    private struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    static func main(_ arguments: [String]) -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(usage)
            return 0
        }
        do {
            let plan = try plan(arguments)
            for table in plan.tables { print(text(table, plan), terminator: "\n\n") }
            return 0
        } catch {
            FileHandle.standardError.write(Data("policies: \(error)\n\(usage)\n".utf8))
            return 64
        }
    }

    private static func plan(_ arguments: [String]) throws -> Plan {
        var plan = Plan()
        var tables: [Plan.Table] = []
        var left = arguments[...]
        while let option = left.popFirst() {
            guard let value = left.popFirst() else { throw Refused(description: "\(option) needs a value") }
            let refused = Refused(description: "\(option) \(value): no such value")
            switch option {
            case "--table" where value == "all": tables += Plan.Table.allCases
            case "--table":
                guard let table = Plan.Table(rawValue: value) else { throw refused }
                tables.append(table)
            case "--requests":
                guard let requests = Int(value), (1000...100_000_000).contains(requests) else { throw refused }
                plan.requests = requests
            case "--seed":
                guard let seed = UInt64(value), seed < 1_000_000 else { throw refused }
                plan.seed = seed
            case "--pool" where value == "design": plan.pool = .design
            case "--pool" where value == "daemon": plan.pool = .daemon
            default: throw Refused(description: "unknown option \(option)")
            }
        }
        if !tables.isEmpty { plan.tables = tables }
        return plan
    }

    private static func text(_ table: Plan.Table, _ plan: Plan) -> String {
        switch table {
        case .summary: Standings.summary(plan)
        case .origins: Standings.origins(plan)
        case .races: Races.text(plan)
        case .closes: Learned.closes(plan)
        case .minutes: Learned.minutes(plan)
        case .events: Events.text(plan)
        case .exploration: Exploration.text(plan)
        case .memory: Memory.text(plan)
        }
    }
}
