package import ProxyTypes
package import Reactor

/// Tells clients on this host by user and program, others by their address. Loop-bound.
package final class LocalClients: ClientIdentifier {
    private let mailbox: ReactorMailbox
    private let reactor: Reactor
    private let workers: WorkerPool
    private let programs: ProgramSearch

    package init(reactor: Reactor, workers: WorkerPool, programs: ProgramSearch = ProgramSearch()) {
        self.reactor = reactor
        mailbox = reactor.mailbox
        self.workers = workers
        self.programs = programs
    }

    package func identify(_ stream: any ByteStream, peer: IPAddress?, found: @escaping (ClientIdentity) -> Void) {
        guard let owner = stream.peerOwner else { return found(peer.map { .address($0) } ?? .unknown) }
        guard programs.maySearch(for: owner) else { return found(.user(owner.user)) }
        let answer = LoopBound(found, on: reactor)
        let (mailbox, programs) = (mailbox, programs)
        workers.run {
            let name = programs.program(of: owner)
            let identity = name.map { ClientIdentity.program($0, user: owner.user) } ?? .user(owner.user)
            mailbox.execute { answer.value(identity) }
        }
    }
}
