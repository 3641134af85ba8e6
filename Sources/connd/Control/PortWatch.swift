import ForwardProxy
import Foundation
import Logging
import Metering
import ProxyTypes
import Reactor
import Upstream

/// Counts the host's connections to the origins now and then, tells the data loop where local ports are short, and logs
/// and sends events when that changes. An actor; the counting itself runs on a worker thread, since the kernel walks
/// its whole table for it.
///
/// It is done rarely where ports are many, each second where they are short, at once when a dial has found none, and whenever as
/// many connections have been opened as could have made them few.
actor PortWatch {
    /// The outcome of one counting. Value.
    struct Census: Sendable {
        let counted: PortCensus
        /// The most pressing first.
        let forecasts: [PortForecast]
        let origins: [PortPath: [Origin]]
        /// In milliseconds since 1970.
        let wall: Int64
        let duration: Interval
    }

    enum Failure: Error {
        /// /proc/sys cannot be read.
        case rangeUnknown
        case kernel(SystemError)

        var text: String {
            switch self {
            case .rangeUnknown: "net.ipv4.ip_local_port_range cannot be read in /proc/sys"
            case .kernel(let error): "\(error)"
            }
        }
    }

    private let mailbox: LoopMailbox
    private let workers = WorkerPool(limit: 1)
    private let events: EventHub
    private let logger: Logger
    private let serial = AsyncMutex()
    private let (calls, caller) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private var latest: Result<Census, Failure>?
    private var timer: Task<Void, Never>?

    private static let mostPaths = 512
    /// Whoever asks within this time after a counting gets its result.
    private static let leastAge = Interval.milliseconds(250)
    /// On a host with very many connections a counting takes long: whoever asks, it takes a twentieth of the time at most.
    private static let share: Int64 = 20

    init(mailbox: LoopMailbox, events: EventHub, logger: Logger) {
        self.mailbox = mailbox
        self.events = events
        self.logger = logger
    }

    /// Until its task is cancelled.
    func run() async {
        let caller = caller
        await mailbox.run { $0.upstream.census.call = { caller.yield() } }
        caller.yield()
        for await _ in calls {
            // What called for it may have happened since the last counting.
            if let known {
                let left = Self.expiry(of: known) - SystemClock.instant()
                if left > .zero { try? await Task.sleep(for: .nanoseconds(left.nanoseconds)) }
            }
            switch await current() {
            case .success(let census): wake(after: Self.pause(after: census))
            case .failure: wake(after: .seconds(5))
            }
        }
        timer?.cancel()
    }

    private func wake(after pause: Duration) {
        timer?.cancel()
        let caller = caller
        timer = Task {
            try? await Task.sleep(for: pause)
            if !Task.isCancelled { caller.yield() }
        }
    }

    private static func expiry(of census: Census) -> Instant {
        census.counted.time + max(leastAge, Interval(nanoseconds: census.duration.nanoseconds * share))
    }

    private static func pause(after census: Census) -> Duration {
        max(usualPause(after: census), .nanoseconds(census.duration.nanoseconds * share))
    }

    private static func usualPause(after census: Census) -> Duration {
        switch census.forecasts.lazy.map(\.state).max() ?? .ample {
        case .short, .runningOut: .seconds(1)
        case .ample:
            census.forecasts.contains { $0.exhaustion != nil || $0.free < census.counted.space.usable / 2 }
                ? .seconds(5) : .seconds(30)
        }
    }

    /// What was found last; nil before the first counting, and where that fails.
    var known: Census? { try? latest?.get() }

    /// Counts, unless that was done a moment ago.
    func current() async -> Result<Census, Failure> {
        await serial.enter()
        let before = known
        if let before, SystemClock.instant() < Self.expiry(of: before) {
            await serial.leave()
            return .success(before)
        }
        let result = await count(before)
        let failedBefore = if case .failure? = latest { true } else { false }
        latest = result
        switch result {
        case .success(let census):
            await tellLoop(census)
            tellChanges(from: before, to: census)
        case .failure(let failure):
            // Once for as long as it lasts. Nobody knows whether ports are short any more: pools dial as if they were not.
            if !failedBefore {
                await mailbox.run { $0.upstream.apply([:], dialsUntilNext: .max) }
                logger.warning("local ports cannot be counted", metadata: ["reason": "\(failure.text)"])
            }
        }
        await serial.leave()
        return result
    }

    // MARK: Counting

    private func count(_ before: Census?) async -> Result<Census, Failure> {
        let found = await mailbox.run { $0.upstream.portPaths(limit: Self.mostPaths) }
        var origins: [PortPath: [Origin]] = [:]
        for entry in found { for path in entry.paths { origins[path, default: []].append(entry.origin) } }
        let paths = origins
        return await withCheckedContinuation { continuation in
            workers.run { continuation.resume(returning: Self.count(paths, before)) }
        }
    }

    /// On a worker.
    private static func count(_ origins: [PortPath: [Origin]], _ before: Census?) -> Result<Census, Failure> {
        guard let space = PortSpace.ofKernel else { return .failure(.rangeUnknown) }
        let start = SystemClock.instant()
        var census = PortCensus(time: start, space: space, own: Set(origins.keys))
        do {
            if !origins.isEmpty {
                for port in try SocketDump.listeningPorts() { census.addListener(port) }
            }
            try SocketDump.connections(to: Set(origins.keys.map(\.destination))) { local, remote, state in
                switch state {
                case .listening: break
                case .open: census.add(.open, from: local, to: remote)
                case .timeWait(let left): census.add(.timeWait(left: left), from: local, to: remote)
                }
            }
        } catch {
            return .failure(.kernel(error))
        }
        let earlier = Dictionary(
            (before?.forecasts ?? []).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        let all = Set(origins.keys).union(census.counts.keys)
        let forecasts = all.map { path in
            PortForecast(path, in: census, before: before.map { ($0.counted, earlier[path]) })
        }
        return .success(
            Census(
                counted: census, forecasts: forecasts.sorted { $0.isMorePressing(than: $1) }, origins: origins,
                wall: SystemClock.wall(), duration: SystemClock.instant() - start))
    }

    // MARK: Who is told

    private func tellLoop(_ census: Census) async {
        let shortages = census.shortages
        let space = census.counted.space
        let least = census.forecasts.first?.free ?? space.usable
        // So many dials to one destination bring it half of the way to where ports are few.
        let dials = min(max((least - space.few) / 2, 4), 4096)
        await mailbox.run { $0.upstream.apply(shortages, dialsUntilNext: dials) }
    }

    private func tellChanges(from before: Census?, to census: Census) {
        let earlier = Dictionary(
            (before?.forecasts ?? []).map { ($0.path, $0.state) }, uniquingKeysWith: { first, _ in first })
        for forecast in census.forecasts {
            // What other programs do from other addresses is no concern of connd's.
            guard let origins = census.origins[forecast.path] else { continue }
            let then = earlier[forecast.path] ?? .ample
            guard forecast.state != then else { continue }
            let text = PortText.change(to: forecast, in: census.counted.space)
            switch forecast.state {
            case .ample: logger.notice("\(text.log)", metadata: ["path": "\(forecast.path)"])
            case .runningOut, .short:
                logger.warning(
                    "\(text.log)", metadata: ["path": "\(forecast.path)", "free": "\(forecast.free)"])
            }
            events.send("ports", origin: origins.count == 1 ? origins[0].description : nil, text.event)
        }
    }

}

extension PortWatch.Census {
    /// For each origin that has few ports left on all of its paths. Origins that share a path share its ports.
    var shortages: [Origin: PortShortage] {
        var paths: [Origin: [PortForecast]] = [:]
        for forecast in forecasts {
            for origin in origins[forecast.path] ?? [] { paths[origin, default: []].append(forecast) }
        }
        return paths.compactMapValues { forecasts in
            guard forecasts.allSatisfy({ $0.state == .short }), let best = forecasts.max(by: { $0.free < $1.free })
            else {
                return nil
            }
            let dials = forecasts.reduce(0) { sum, forecast in
                let sharing = max(origins[forecast.path]?.count ?? 1, 1)
                return sum + (forecast.dials(in: counted.space) + sharing - 1) / sharing
            }
            return PortShortage(path: best.path, free: best.free, usable: counted.space.usable, dials: dials)
        }
    }
}

/// What has become of the ports on a path, in words. Pure.
enum PortText {
    static func change(to forecast: PortForecast, in space: PortSpace) -> (log: String, event: String) {
        let count = "\(forecast.free) of \(space.usable) local ports are free from \(forecast.path)"
        switch forecast.state {
        case .ample: return ("local ports are ample again", "ports_ample: \(count)")
        case .runningOut:
            let left = forecast.exhaustion.map { APIFormat.duration(milliseconds: $0.wholeMilliseconds) } ?? "soon"
            return (
                "local ports run out: widen net.ipv4.ip_local_port_range, or give more addresses in source_address",
                "ports_running_out: \(count), none in \(left) at this rate"
            )
        case .short:
            return (
                "few local ports are left: connd reuses and queues rather than dials",
                "ports_short: \(count), so connd reuses and queues rather than dials"
            )
        }
    }
}

extension PortSpace {
    /// As this network namespace has it now; nil where it cannot be read.
    static var ofKernel: PortSpace? {
        func text(_ name: String) -> String? {
            try? String(contentsOfFile: "/proc/sys/net/ipv4/\(name)", encoding: .utf8)
        }
        func number(_ name: String) -> Int? {
            text(name).flatMap { DecimalText.parse($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        guard let range = text("ip_local_port_range") else { return nil }
        // Without timestamps no port is taken from TIME_WAIT.
        let reuses = number("tcp_timestamps") ?? 0 > 0
        let reuse = reuses ? number("tcp_tw_reuse").flatMap(TimeWaitReuse.init(rawValue:)) : nil
        return PortSpace(
            range: range, reserved: text("ip_local_reserved_ports") ?? "", timeWaitReuse: reuse ?? .never)
    }
}
