import ForwardProxy
import Reactor

/// How the control plane runs code on the data loop. Shared.
struct LoopMailbox: Sendable {
    private let mailbox: ReactorMailbox
    private let loop: LoopBound<ProxyLoop>

    init(_ loop: ProxyLoop, on reactor: Reactor) {
        mailbox = reactor.mailbox
        self.loop = LoopBound(loop, on: reactor)
    }

    /// `body` runs between two rounds of the loop, and should take no longer than a few hundred microseconds.
    func run<Result: Sendable>(_ body: @escaping @Sendable (ProxyLoop) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            mailbox.execute { continuation.resume(returning: body(loop.value)) }
        }
    }
}
