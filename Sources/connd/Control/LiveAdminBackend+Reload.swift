import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import Foundation
import Logging
import ProxyTypes
import Reactor
import Resolving
import Synchronization
import Tuning
import Upstream

/// Reloading the config file.
extension LiveAdminBackend {
    func reload(actor: AdminActor) async throws(AdminRefusal) -> ReloadReportModel {
        await reloads.enter()
        service.reloading()
        do {
            let model = try await reloadNow(actor: actor)
            service.reloaded()
            await reloads.leave()
            return model
        } catch {
            service.reloaded(problem: error.problem)
            await reloads.leave()
            throw error
        }
    }

    private func reloadNow(actor: AdminActor) async throws(AdminRefusal) -> ReloadReportModel {
        guard await !mailbox.run({ $0.isDraining }) else { throw .unavailable("connd is stopping") }
        guard configured.path != nil else {
            throw .conflict("connd runs on its built-in defaults: start it with --config to have a file to reload")
        }
        let old = configured.current.loaded
        let read: LoadedConfiguration
        do {
            read = try configured.read()
        } catch {
            throw refused(error.problems.map { "\($0)" })
        }
        let fresh = read.effective(afterReloadFrom: old)
        let wanted = fresh.configuration.proxy.listen + fresh.configuration.admin.listen
        await gatewayControl.beginReload(fresh.gateways, taking: wanted)
        let change: Reconfiguration
        do throws(AdminRefusal) {
            change = try await prepare(fresh, from: old)
        } catch {
            await gatewayControl.cancelReload()
            throw error
        }
        let reload = await settings.reload(fresh.layers, actor: actor.name)
        configured.replace(with: fresh)
        let overrides = await settings.overrides
        let objections = hostCheck.objections(to: overrides)
        let unverified = overrides.unverified.map { UnverifiedReport($0) }
        let failures = await apply(change)
        await kernelWatch.read()
        let notes =
            change.notes + objections.map(\.text) + unverified.map(\.text) + failures
            + (await gatewayControl.endReload(fresh.gateways))
        var model = ReloadReportModel()
        model.changes = reload.changes.map(ChangeReport.init)
        model.configuration = fresh.changes(from: old).map { ConfigurationChangeReport($0) }
        model.needRestart = read.changesNeedingRestart(from: fresh)
        model.notes = notes
        model.conflicts = await settings.overrides.differences.filter { $0.conflict != nil }.map {
            DifferenceReport($0)
        }
        report(model, newConflicts: reload.newConflicts.map { "\($0)" })
        return model
    }

    /// Does everything that can fail, and undoes it if something does.
    private func prepare(_ fresh: LoadedConfiguration, from old: LoadedConfiguration)
        async throws(AdminRefusal) -> Reconfiguration
    {
        let held = await mailbox.run { $0.sockets.filter { !$0.isInherited }.map(\.address) }
        var change: Reconfiguration?
        do {
            let made = try Reconfiguration(
                to: fresh, from: old, held: held, passed: passed,
                environment: ProcessInfo.processInfo.environment)
            change = made
            let hosts = fresh.configuration.admin.allowHosts.map(\.description)
            let released = made.closingForAdmin
            await mailbox.run { loop in for address in released { loop.stopListening(on: address) } }
            do {
                try await endpoint.withLock { $0 }?.update(made.admin, token: made.token, allowedHosts: hosts)
            } catch {
                await reopen(released)
                throw Reconfiguration.Refused(
                    description: "\(fresh.source(of: "admin.listen")): `admin.listen`: \(error)")
            }
            return made
        } catch {
            change?.undo()
            throw refused(["\(error)"])
        }
    }

    private func reopen(_ addresses: [ListenAddress]) async {
        let failures = await mailbox.run { loop -> [UnopenedListener] in
            var failures: [UnopenedListener] = []
            for address in addresses {
                do throws(SystemError) { try loop.listen(on: try ListeningSocket.open(address)) } catch {
                    failures.append(UnopenedListener(address, code: error.code))
                }
            }
            return failures
        }
        unopened.replace(with: unopened.current + failures)
        for failure in failures { logger.error("a listener could not be reopened", metadata: ["reason": "\(failure)"]) }
    }

    private func refused(_ problems: [String]) -> AdminRefusal {
        configured.refused(problems.joined(separator: "\n"))
        let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
        events.send("reload", "refused: \(count) in the config file")
        // One line each: logs cut long ones.
        for problem in problems.prefix(Self.shownProblems) {
            logger.error(
                "the config file is refused, the running configuration stays", metadata: ["problem": "\(problem)"])
        }
        return .conflict(
            "the config file is refused, and the running one stays",
            problems.map { FieldProblem(pointer: "", detail: $0) })
    }

    private static let shownProblems = 20

    /// Returns remarks about listeners that could not be opened after all.
    private func apply(_ change: Reconfiguration) async -> [String] {
        let configuration = change.fresh.configuration
        let (proxy, names) = (configuration.proxyConfiguration, configuration.resolverPaths)
        let (opened, closing, late) = (change.opened, change.closing, change.openedLate)
        if let log = change.accessLog { accessLog.redirect(to: log) }
        let log = accessLog.isWanted ? accessLog : nil
        let failures = await mailbox.run { loop -> [UnopenedListener] in
            loop.apply(proxy)
            loop.accessLog = log
            loop.upstream.hostResolver?.use(names)
            for address in closing { loop.stopListening(on: address) }
            var failures: [UnopenedListener] = []
            func listen(at address: ListenAddress, _ open: () throws(SystemError) -> ListeningSocket) {
                do throws(SystemError) { try loop.listen(on: try open()) } catch {
                    failures.append(UnopenedListener(address, code: error.code))
                }
            }
            for socket in opened { listen(at: socket.address) { socket } }
            for address in late {
                listen(at: address) { () throws(SystemError) in try ListeningSocket.open(address) }
            }
            return failures
        }
        unopened.replace(with: change.unopened + failures)
        for address in closing { logger.info("no longer listening", metadata: ["address": "\(address)"]) }
        for address in opened.map(\.boundAddress) + late.map(\.description) {
            logger.info("listening", metadata: ["address": "\(address)"])
        }
        return failures.map { "cannot listen on \($0)" }
    }

    private func report(_ model: ReloadReportModel, newConflicts: [String]) {
        for conflict in newConflicts {
            logger.warning("the file changed under an override", metadata: ["conflict": "\(conflict)"])
        }
        for note in model.notes { logger.warning("reloaded, but", metadata: ["note": "\(note)"]) }
        let changes = model.changes.count + model.configuration.count
        logger.notice(
            "config reloaded",
            metadata: [
                "changes": "\(changes)", "needRestart": "\(model.needRestart.joined(separator: ","))",
                "conflicts": "\(model.conflicts.count)",
                "changed": "\((model.configuration.map(\.key) + model.changes.map(\.setting)).joined(separator: ","))",
            ])
        events.send("reload", "\(changes) changes, \(model.conflicts.count) conflicts with overrides")
    }
}

extension AdminRefusal {
    /// The first problem, on one line.
    var problem: String {
        switch self {
        case .invalid(let text, let fields), .conflict(let text, let fields): fields.first?.detail ?? text
        case .notFound(let text), .stale(let text), .unavailable(let text): text
        }
    }
}

extension ConfigurationChangeReport {
    init(_ change: (path: String, before: String, after: String)) {
        self.init()
        key = change.path
        before = change.before
        after = change.after
    }
}
