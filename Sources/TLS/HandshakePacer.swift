import ProxyTypes
import Reactor

/// Lets only a few handshakes take a step in each round of the loop, first come, first served: a step costs as much CPU as fifty
/// small requests, which would all wait for it. Loop-bound.
final class HandshakePacer {
    private unowned let reactor: Reactor
    private var round = Instant.zero
    private var stepsInRound = 0
    private var waiting: [any PacedStep] = []
    private let timer = Deadline()

    private static let stepsPerRound = 4

    init(reactor: Reactor) {
        self.reactor = reactor
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    /// True: now. Otherwise `takeTurn` is called in a later round.
    func mayStep(_ step: any PacedStep) -> Bool {
        if waiting.isEmpty, takeStep() { return true }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.turnForgotten), !waiting.isEmpty { return false }
        #endif
        enqueue(step)
        return false
    }

    /// In a later round, or later in this one.
    func enqueue(_ step: any PacedStep) {
        waiting.append(step)
        reactor.timer.wake(timer, at: reactor.now)
    }

    func cancel(_ step: any PacedStep) {
        waiting.removeAll { $0 === step }
    }

    var waitingCount: Int { waiting.count }

    private func takeStep() -> Bool {
        if round != reactor.now { (round, stepsInRound) = (reactor.now, 0) }
        guard stepsInRound < Self.stepsPerRound else { return false }
        stepsInRound += 1
        return true
    }
}

extension HandshakePacer: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        while !waiting.isEmpty, takeStep() { waiting.removeFirst().takeTurn() }
        return waiting.isEmpty ? .distantFuture : now
    }
}

/// A handshake that waits for its turn. Loop-bound.
protocol PacedStep: AnyObject {
    func takeTurn()
}
