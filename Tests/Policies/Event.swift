import OriginZoo

/// Something that happens to an origin, or that is odd about it. Value.
struct Event {
    /// A part of the run and what is to be learned in it; shares of the requests.
    struct Part {
        var name: String
        var from = 0.0
        var to = 1.0
        /// Nil: the origin's own.
        var limit: Double?
    }

    var origin: ZooOrigin
    var parts: [Part]
    /// Restarts of all backends at this share of the requests, each with what they are from then on.
    var changes: [(at: Double, model: CloseModel)] = []

    static let all = [
        deployment, restarts,
        odd("30 % 5 s, 70 % 60 s"), odd("5 % 5 s, 95 % 60 s"), odd("half 60 s, half 75 s"),
        odd("Azure NAT, drops after 240 s"), odd("AWS NAT, resets after 350 s"), odd("GCP behind a NAT of 350 s"),
        odd("router, drops after 30 s"),
        odd("gunicorn, 2 s, sweep 1 s"), odd("Tomcat, 20 s, sweep 1 s"), odd("Java, 60 s, sweep 60 s"),
        odd("IIS, 120 s, sweep 30 s"),
        odd("says 60, closes at 5 s"), odd("says 5, closes at 65 s"),
        odd("60 s, a restart each 10 min"), odd("Go, none, a restart each 2 h"),
    ]

    private static let deployment = Event(
        origin: ZooOrigin("", .fixed(60)),
        parts: [
            Part(name: "deployment, 60 s before", to: 1 / 3, limit: 60),
            Part(name: "deployment, from 60 to 5 s", from: 1 / 3, to: 2 / 3, limit: 5),
            Part(name: "deployment, from 5 to 60 s", from: 2 / 3, limit: 60),
        ],
        changes: [(1 / 3, .fixed(5)), (2 / 3, .fixed(60))])

    private static let restarts = Event(
        origin: ZooOrigin("", .fixed(60)),
        parts: [Part(name: "60 s, all backends restart 20 times", limit: 60)],
        changes: (1...20).map { (Double($0) / 21, .fixed(60)) })

    private static func odd(_ name: String) -> Event {
        guard let origin = ZooOrigin.zoo.first(where: { $0.name == name }) else { preconditionFailure(name) }
        return Event(origin: origin, parts: [Part(name: name)])
    }

    /// As it is at these arrivals. A restart at the very moment of a request would lose it under any policy, so each is
    /// between two of them.
    func origin(_ times: [Double]) -> ZooOrigin {
        origin.with { origin in
            origin.changes = changes.map { .init(at: time($0.at, times), model: $0.model) }
        }
    }

    /// Between the two requests at this share of all.
    func time(_ share: Double, _ times: [Double]) -> Double {
        let index = Int(share * Double(times.count - 1))
        return index + 1 < times.count ? (times[index] + times[index + 1]) / 2 : .infinity
    }
}
