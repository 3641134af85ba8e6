import Learning

extension ZooOrigin {
    /// Origins as they are met.
    package static let zoo: [ZooOrigin] = limits + partial + sweeps + paths + others

    private static func limit(_ name: String, _ limit: Double, roundTrip: Double = 0.02) -> ZooOrigin {
        ZooOrigin(name, .fixed(limit), roundTrip: roundTrip).with { $0.truth = limit }
    }

    private static let limits = [
        limit("Node, 5 s, says 5", 5).with { $0.hint = 5 },
        limit("Node 24.6, 6 s, says 5", 6).with { $0.hint = 5 },
        ZooOrigin("uvicorn, 5 s, late by 20 ms", .fixed(5, jitter: 0.02), roundTrip: 0.0003).with { $0.truth = 5 },
        ZooOrigin("5 s, busy loop", .fixed(5, busy: 0.02), roundTrip: 0.001).with { $0.truth = 5 },
        limit("ALB, 60 s", 60, roundTrip: 0.01),
        limit("nginx, 75 s", 75, roundTrip: 0.04),
        limit("GCP, 610 s", 610, roundTrip: 0.015),
        limit("says 60, closes at 5 s", 5).with { $0.hint = 60 },
        limit("says 5, closes at 65 s", 65).with { $0.hint = 5 },
        ZooOrigin("10 s from the request, slow", .fixed(10, fromRequest: true)).with {
            $0.slow = 6
            $0.truth = 10.02
        },
        limit("60 s, 100 requests unsaid", 60).with { $0.maxRequests = 100 },
        limit("2 s, 300 ms away", 2, roundTrip: 0.3),
        limit("10 s, 300 ms away", 10, roundTrip: 0.3),
        limit("5 s, 1 % loss", 5, roundTrip: 0.05).with { $0.loss = 0.01 },
    ]

    private static let partial = [
        mixed("30 % 5 s, 70 % 60 s", [(0.3, 5), (0.7, 60)]),
        mixed("5 % 5 s, 95 % 60 s", [(0.05, 5), (0.95, 60)]),
        mixed("half 60 s, half 75 s", [(0.5, 60), (0.5, 75)]),
    ]

    private static func mixed(_ name: String, _ limits: [(Double, Double)]) -> ZooOrigin {
        ZooOrigin(name, limits.map { Backend(weight: $0.0, model: .fixed($0.1)) }).with { $0.truth = limits.last?.1 }
    }

    private static let sweeps = [
        ZooOrigin("gunicorn, 2 s, sweep 1 s", .sweep(2, every: 1), roundTrip: 0.001).with { $0.truth = 2 },
        ZooOrigin("Tomcat, 20 s, sweep 1 s", .sweep(20, every: 1)).with { $0.truth = 20 },
        ZooOrigin("Java, 60 s, sweep 60 s", .sweep(60, every: 60)).with { $0.truth = 60 },
        ZooOrigin("IIS, 120 s, sweep 30 s", .sweep(120, every: 30)).with { $0.truth = 120 },
    ]

    private static let paths = [
        ZooOrigin("Azure NAT, drops after 240 s", .never, roundTrip: 0.03).with {
            $0.silence = .drops(after: 240)
            $0.ends = [.path]
        },
        ZooOrigin("AWS NAT, resets after 350 s", .never, roundTrip: 0.03).with {
            $0.silence = .resets(after: 350)
            $0.ends = [.path]
        },
        ZooOrigin("GCP behind a NAT of 350 s", .fixed(610), roundTrip: 0.03).with {
            $0.silence = .resets(after: 350)
            $0.ends = [.path]
        },
        ZooOrigin("router, drops after 30 s", .fixed(60), roundTrip: 0.03).with {
            $0.silence = .drops(after: 30)
            $0.ends = [.path]
        },
    ]

    private static let others = [
        ZooOrigin("Go, none, a restart each 2 h", .never, roundTrip: 0.01).with {
            $0.restarts = 7200
            $0.ends = [.unlimited, .erratic]
        },
        ZooOrigin("Envoy, 1 h", .fixed(3600), roundTrip: 0.01).with { $0.ends = [.unlimited] },
        ZooOrigin("pressure, about 30 s", .pressure(30)).with {
            $0.ends = [.erratic]
            $0.shortfall = 0.06
        },
        ZooOrigin(
            "60 s, a restart each 10 min", Array(repeating: Backend(weight: 0.25, model: .fixed(60)), count: 4)
        ).with {
            $0.restarts = 2400
            $0.truth = 60
        },
    ]
}
