package import ProxyTypes
package import Reactor

/// Tells clients on this host by user and program, others by their address. Loop-bound.
package final class LocalClients: ClientIdentifier {
    private let mailbox: ReactorMailbox
    private let reactor: Reactor
    private let workers: WorkerPool
    private let programs: ProgramSearch
    private var searches = 0

    /// More than these at once would take longer than clients wait: their users must do.
    private static let mostSearches = 64

    package init(reactor: Reactor, workers: WorkerPool, programs: ProgramSearch = ProgramSearch()) {
        self.reactor = reactor
        mailbox = reactor.mailbox
        self.workers = workers
        self.programs = programs
    }

    package func identify(_ stream: any ByteStream, peer: IPAddress?, found: @escaping (ClientIdentity) -> Void) {
        guard let owner = stream.peerOwner else { return found(peer.map { .address($0) } ?? .unknown) }
        guard programs.maySearch(for: owner), searches < Self.mostSearches else { return found(.user(owner.user)) }
        searches += 1
        let answer = LoopBound(
            { [weak self] (identity: ClientIdentity) in
                self?.searches -= 1
                found(identity)
            }, on: reactor)
        let (mailbox, programs) = (mailbox, programs)
        workers.run {
            let name = programs.program(of: owner)
            let identity = name.map { ClientIdentity.program($0, user: owner.user) } ?? .user(owner.user)
            mailbox.execute { answer.value(identity) }
        }
    }
}
