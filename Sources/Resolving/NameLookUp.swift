import ProxyTypes
import Reactor

/// One look-up of a name in DNS: asks what its search decides, and the system's resolver where DNS does not know the name
/// or is silent. Loop-bound.
///
/// ```
/// asking ──answer──▶ answered                                   abandon: from any state to over
///    │  │ silent for a second                                   a late family: answered, and told again
///    │  └───────────────▶ askingBoth ──an answer of either──▶ answered
///    │ no such name, failed     │
///    └──▶ askingSystem ◀────────┘ ──answer──▶ answered
/// ```
final class NameLookUp {
    private enum State {
        case asking
        case askingBoth(Resolver.Abandon)
        /// What DNS said, which holds where the system knows no more.
        case askingSystem(Resolver.Abandon, fallback: NameAnswer)
        case answered
        case over
    }

    private let name: String
    private let channels: DNSChannels
    private let reactor: Reactor
    private let system: HostResolver?
    private let completion: Resolver.Completion
    private var search: NameSearch
    private var state = State.asking
    private let timer = Deadline()
    private var patienceEnds: Instant
    private var settlesAt = Instant.distantFuture
    /// About the name of the search that was asked for last.
    private var questions: [DNSQuestion] = []

    init(
        _ name: String, _ prepared: PreparedChannel, _ channels: DNSChannels, _ reactor: Reactor,
        asksSystem system: HostResolver?, _ completion: @escaping Resolver.Completion
    ) {
        self.name = name
        self.channels = channels
        self.reactor = reactor
        self.system = system
        self.completion = completion
        search = NameSearch(name, domains: prepared.domains, minDots: prepared.minDots)
        patienceEnds = system == nil ? .distantFuture : reactor.now + HostResolver.patience
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func start() {
        perform(search.start())
        if case .asking = state { wake() }
    }

    func abandon() {
        switch state {
        case .askingBoth(let abandon), .askingSystem(let abandon, _): abandon()
        case .asking, .answered, .over: break
        }
        state = .over
        reactor.timer.remove(timer)
        questionsBecome(.abandoned)
    }

    private func questionsBecome(_ standing: DNSQuestion.Standing) {
        for question in questions { question.become(standing) }
    }

    private func wake() {
        let due = min(patienceEnds, settlesAt)
        if due < .distantFuture { reactor.timer.wake(timer, at: due) }
    }

    private func perform(_ step: NameSearch.Step) {
        switch step {
        case .ask(let next):
            settlesAt = .distantFuture
            questionsBecome(.abandoned)
            questions = []
            ask(next, .ipv4, .a)
            ask(next, .ipv6, .aaaa)
        case .wait: break
        case .settle(let until):
            settlesAt = until
            wake()
        case .done(let answer): searched(answer)
        }
    }

    /// The questions hold the look-up: DNS tells them when they have timed out, at the latest.
    private func ask(_ next: String, _ family: NameSearch.Family, _ type: DNSMessage.RecordType) {
        let question = channels.ask(next, type) { [self] answer in
            switch state {
            case .over: return
            case .asking, .askingBoth, .askingSystem, .answered: break
            }
            perform(search.answered(family, answer, now: reactor.now))
        }
        if let question { questions.append(question) }
    }

    /// The end of the search, or a family that came later.
    private func searched(_ answer: NameAnswer) {
        settlesAt = .distantFuture
        switch state {
        case .asking:
            guard !answer.hasAddresses, let system else { return finish(answer) }
            state = .askingSystem(system.askSystem(name) { [self] in systemAnswered($0) }, fallback: answer)
        case .askingBoth(let abandon):
            guard answer.hasAddresses else {
                state = .askingSystem(abandon, fallback: answer)
                return
            }
            abandon()
            finish(answer)
        // Only what completes it: the other half may have failed.
        case .answered: if answer.hasAddresses || answer.isAddition { completion(answer) }
        case .askingSystem, .over: break
        }
    }

    private func systemAnswered(_ answer: NameAnswer) {
        switch state {
        case .askingBoth:
            // It may know less: DNS goes on.
            if answer.hasAddresses { finish(answer, isLast: true) } else { state = .asking }
        case .askingSystem(_, let fallback): finish(answer.hasAddresses ? answer : fallback, isLast: true)
        case .asking, .answered, .over: break
        }
    }

    /// `isLast`: DNS has nothing to add.
    private func finish(_ answer: NameAnswer, isLast: Bool = false) {
        state = isLast ? .over : .answered
        reactor.timer.remove(timer)
        questionsBecome(isLast ? .abandoned : .late)
        completion(answer)
    }
}

extension NameLookUp: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        switch state {
        case .asking, .askingBoth: break
        case .askingSystem, .answered, .over: return .distantFuture
        }
        if now >= settlesAt {
            perform(search.deadlineReached(now: now))
            return .distantFuture
        }
        if now >= patienceEnds, case .asking = state, let system {
            patienceEnds = .distantFuture
            state = .askingBoth(system.askSystem(name) { [self] in systemAnswered($0) })
        }
        return min(patienceEnds, settlesAt)
    }
}
