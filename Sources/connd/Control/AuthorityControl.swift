import AdminAPI
import AdminModels
import AuthorityFiles
import ConfigurationFile
import Dispatch
import ForwardProxy
import LocalCA
import Logging
import ProxyTypes
import Reactor
import TLS
import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// The authorities as the daemon finds them at its start, before anything needs them. Value.
struct OpenedAuthorities: Sendable {
    /// Nil: connd has no state directory.
    let directory: AuthorityDirectory?
    let state: AuthorityControl.State
    let shared = SharedAuthorities()

    init(environment: [String: String], logger: Logger) {
        directory = Configuration.stateDirectory(environment: environment).map { AuthorityDirectory(path: $0 + "/ca") }
        state = AuthorityControl.load(directory, logger: logger)
        if case .ready(let stored) = state {
            shared.replace(SigningAuthorities(stored.signing, retiredRoots: Array(stored.retired.values)))
        }
    }
}

/// Owns the certificate authorities of this host: makes each change durable in their directory, hands the result to the data
/// path, then answers. What cannot be read counts as no authority. An actor; one change at a time.
actor AuthorityControl {
    enum State: Sendable {
        case ready(StoredAuthorities)
        /// Why.
        case unusable(String)
    }

    /// Nil: connd has no state directory.
    nonisolated let directory: AuthorityDirectory?
    /// The data path, and whoever else asks, reads the authorities here.
    nonisolated let shared: SharedAuthorities
    private(set) var state: State
    private let settings: SettingsControl
    private let mailbox: LoopMailbox
    private let events: EventHub
    private let logger: Logger
    private let turns = AsyncMutex()
    /// File work blocks.
    private let queue = DispatchQueue(label: "connd.authorities")

    init(
        _ opened: OpenedAuthorities, settings: SettingsControl, mailbox: LoopMailbox, events: EventHub, logger: Logger
    ) {
        directory = opened.directory
        state = opened.state
        shared = opened.shared
        self.settings = settings
        self.mailbox = mailbox
        self.events = events
        self.logger = logger
    }

    /// To be called before the loop runs.
    static func load(_ directory: AuthorityDirectory?, logger: Logger) -> State {
        guard let directory else { return .ready(StoredAuthorities()) }
        do throws(AuthorityFault) {
            return .ready(try directory.load())
        } catch {
            Self.report(error, logger)
            return .unusable("\(error)")
        }
    }

    /// The data path signs with these from now on.
    private func apply(_ authorities: SigningAuthorities) async {
        // Leaves that are cached stay valid.
        guard !authorities.all.elementsEqual(shared.current.all, by: ===) else { return }
        shared.replace(authorities)
        await mailbox.run { $0.tlsServer?.authorities = authorities }
    }

    // MARK: Changes

    /// `domains` nil: without name constraints.
    func create(_ domains: [PermittedDomain]?, actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        try await exclusively { () async throws(AdminRefusal) in
            guard try index().signing.isEmpty else {
                throw .conflict("there is a certificate authority already: rotate it, or remove it first")
            }
            let entry = try await add(domains, signsFrom: nil)
            await audit(.authorityCreated, entry.serial, actor.name, reason, after: Self.text(entry.domains))
        }
    }

    /// `domains` nil: as the current one; `.some(nil)`: without name constraints.
    func rotate(
        _ domains: [PermittedDomain]??, after delay: Interval, actor: AdminActor, reason: String?
    ) async throws(AdminRefusal) {
        try await exclusively { () async throws(AdminRefusal) in
            let index = try index()
            let now = SystemClock.wall()
            guard let current = index.signing.last, case .ready(let stored) = state else {
                throw .conflict("there is no certificate authority to rotate: create one")
            }
            if let time = index.switchTime(now: now) {
                throw .conflict("a rotation is under way: the new authority takes over at \(APIFormat.time(time))")
            }
            let kept = stored.signing.last?.domains
            let entry = try await add(domains ?? kept, signsFrom: now + delay.nanoseconds / 1_000_000)
            await audit(
                .authorityRotated, entry.serial, actor.name, reason, before: Self.text(current.domains),
                after: Self.text(entry.domains))
            // At once, where it was not to be later.
            try await tidy()
        }
    }

    func remove(actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        try await exclusively { () async throws(AdminRefusal) in
            let serials: [String]
            switch state {
            case .ready(let stored): serials = stored.index.authorities.map(\.serial)
            case .unusable: serials = [AuditEntry.everything]
            }
            guard let directory, !serials.isEmpty else { throw .notFound("there is no certificate authority") }
            // No leaf is signed any more before the keys go.
            await apply(SigningAuthorities())
            do throws(AdminRefusal) {
                try await work { () throws(AuthorityFault) in try directory.removeAll() }
            } catch {
                await read()
                throw error
            }
            await read()
            for serial in serials { await audit(.authorityRemoved, serial, actor.name, reason) }
        }
    }

    /// Every now and then: retires what has been replaced, finishes what was interrupted, and reads again what others have
    /// repaired or restored.
    func upkeep() async {
        guard directory != nil else { return }
        await turns.enter()
        await read()
        do throws(AdminRefusal) {
            try await tidy()
        } catch {
            logger.warning("the certificate authorities' files could not be tidied", metadata: ["problem": "\(error)"])
        }
        await turns.leave()
    }

    private func exclusively(_ work: () async throws(AdminRefusal) -> Void) async throws(AdminRefusal) {
        await turns.enter()
        do throws(AdminRefusal) {
            // Another connd, or an operator, may have changed the files.
            await read()
            try await work()
            await turns.leave()
        } catch {
            await turns.leave()
            throw error
        }
    }

    private func index() throws(AdminRefusal) -> AuthorityIndex {
        guard directory != nil else {
            throw .conflict("connd has no state directory, so it cannot keep a certificate authority")
        }
        switch state {
        case .ready(let stored): return stored.index
        case .unusable(let problem):
            throw .conflict(
                "the certificate authority's files cannot be used: \(problem). Repair them, or remove the authority")
        }
    }

    /// `signsFrom` nil: at once.
    private func add(_ domains: [PermittedDomain]?, signsFrom: Int64?) async throws(AdminRefusal)
        -> AuthorityIndex.Entry
    {
        guard let directory else { throw .conflict("connd has no state directory") }
        let now = SystemClock.wall()
        let entry = AuthorityIndex.Entry(
            serial: AuthorityIndex.newSerial(.random(in: .min ... .max)), domains: domains?.map(\.name), created: now,
            signsFrom: signsFrom ?? now)
        try await work { () throws(AuthorityFault) in
            try directory.create(entry, for: domains, host: Self.hostName)
        }
        await read()
        return entry
    }

    private func tidy() async throws(AdminRefusal) {
        guard let directory, case .ready(let stored) = state else { return }
        let now = SystemClock.wall()
        guard !stored.leftovers.isEmpty || !stored.index.outlived(now: now).isEmpty else { return }
        let outlived = stored.index.outlived(now: now).map(\.serial)
        // No leaf is signed with a key that is about to go.
        await apply(SigningAuthorities(stored.signing.filter { !outlived.contains($0.serial) }))
        let retired = try await work { () throws(AuthorityFault) in try directory.tidy(now: now) }
        await read()
        for entry in retired {
            await audit(.authorityRetired, entry.serial, "connd", "its successor has taken over")
        }
    }

    // MARK: Files

    private func read() async {
        guard let directory else { return }
        let known = shared.current.all
        let result: Result<StoredAuthorities, AuthorityFault> = await onQueue {
            do throws(AuthorityFault) { return .success(try directory.load(known: known)) } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let stored):
            if case .unusable = state { logger.notice("the certificate authority's files can be used again") }
            state = .ready(stored)
            await apply(SigningAuthorities(stored.signing, retiredRoots: Array(stored.retired.values)))
        case .failure(let fault):
            if case .unusable("\(fault)") = state { return }
            Self.report(fault, logger)
            state = .unusable("\(fault)")
            await apply(SigningAuthorities())
        }
    }

    private static func report(_ fault: AuthorityFault, _ logger: Logger) {
        logger.error(
            "the certificate authority's files cannot be used: nothing is intercepted",
            metadata: ["problem": "\(fault)"])
    }

    private func work<Value: Sendable>(_ body: @escaping @Sendable () throws(AuthorityFault) -> Value)
        async throws(AdminRefusal) -> Value
    {
        let result: Result<Value, AuthorityFault> = await onQueue {
            do throws(AuthorityFault) { return .success(try body()) } catch { return .failure(error) }
        }
        switch result {
        case .success(let value): return value
        case .failure(let fault): throw .unavailable("\(fault)")
        }
    }

    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
    }

    private static var hostName: String {
        var room = [CChar](repeating: 0, count: 256)
        guard gethostname(&room, room.count - 1) == 0 else { return "this host" }
        return String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Reports

    private func audit(
        _ action: AuditEntry.Action, _ serial: String, _ actor: String, _ reason: String?, before: String? = nil,
        after: String? = nil
    ) async {
        logger.notice(
            "certificate authority changed",
            metadata: [
                "action": "\(action.rawValue)", "serial": "\(serial)", "before": "\(before ?? "-")",
                "after": "\(after ?? "-")", "actor": "\(actor)", "reason": "\(reason ?? "")",
            ])
        events.send("action", "\(action.rawValue) \(serial) by \(actor)")
        let entry = AuditEntry(
            time: SystemClock.wall(), actor: actor, action: action, subject: serial, before: before, after: after,
            reason: reason)
        do {
            try await settings.audit(entry)
        } catch {
            logger.warning("an action could not be added to the audit trail", metadata: ["reason": "\(error)"])
        }
    }

    private static func text(_ domains: [String]?) -> String {
        domains?.joined(separator: ", ") ?? "any name: without name constraints"
    }
}
