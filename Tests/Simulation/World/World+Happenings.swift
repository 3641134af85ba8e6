import ForwardProxy
import Metering
import ProxyTypes
import Tuning
import Upstream

/// What the operator and the environment do.
extension World {
    func take(_ what: Happening.What) {
        // The daemon takes no orders once it has stopped.
        guard let proxy, !proxy.isStopped else { return }
        network.trace.note("operator") { what.summary }
        switch what {
        case .settings(let index, let new): apply(new, to: index, proxy)
        case .clientLimit(let limit):
            configuration.maxClientConnections = limit
            limitsChanged()
            reload(proxy)
        case .upstreamLimit(let limit):
            configuration.maxUpstreamConnections = limit
            limitsChanged()
            reload(proxy)
        case .denies(let index):
            configuration.destinations.deny =
                index.flatMap { try? DestinationPattern(parsing: origins[$0].addresses[0].description) }
                .map { [$0] } ?? []
            reload(proxy)
        case .drain(let index):
            origins[index].noteDrain()
            order(.drain, index, proxy)
        case .reconnect(let index):
            origins[index].noteDrain()
            order(.reconnect, index, proxy)
        case .pause(let index): order(.pause, index, proxy)
        case .resume(let index): order(.resume, index, proxy)
        case .forget(let index): order(.forget, index, proxy)
        case .prewarm(let index, let count): order(.prewarm(count), index, proxy)
        case .closeConnection(let place, let force): close(place, force: force, proxy)
        case .files(let index, let usable): changeFiles(index, isUsable: usable)
        case .reload: reload(proxy)
        case .changeListeners: changeListeners(proxy)
        case .stop(let grace):
            isStopping = true
            proxy.stop(grace: grace)
        case .stopAtOnce:
            isStopping = true
            proxy.stop(grace: .zero)
            proxy.stop(grace: .zero)
        case .restart(let index): origins[index].restart()
        case .endIdle(let index, let manner): origins[index].endIdle(manner)
        case .reach(let index, let address, let reach): origins[index].set(reach, address: address)
        case .names(let index, let names): origins[index].names = names
        case .descriptors(let limit): kernel.descriptorLimit = limit.map { kernel.openDescriptors + $0 } ?? .max
        case .suspend(let length): kernel.leap(by: length)
        case .wallClock(let milliseconds): kernel.setWallClock(by: milliseconds)
        }
    }

    private func order(_ order: ProxyUnderTest.OriginOrder, _ index: Int, _ proxy: ProxyUnderTest) {
        proxy.order(order, origins[index].origin)
        switch order {
        // Nothing would use the connections that it dials.
        case .prewarm: break
        case .drain, .reconnect, .pause, .resume, .forget, .apply: proxy.order(order, origins[index].tunnelOrigin)
        }
    }

    private func apply(_ new: EffectiveSettings, to index: Int, _ proxy: ProxyUnderTest) {
        let origin = origins[index]
        settings.set(new, host: origin.host)
        origin.set(new)
        limitsChanged()
        order(.apply(new), index, proxy)
    }

    private func changeFiles(_ index: Int, isUsable: Bool) {
        let file = origins[index].settings.tlsCaFile
        let version = tls.change(file, isUsable: isUsable)
        guard isUsable else { return }
        for origin in origins { origin.noteFiles(file, version: version) }
    }

    private func reload(_ proxy: ProxyUnderTest) { proxy.apply(configuration) }

    private func close(_ place: Int, force: Bool, _ proxy: ProxyUnderTest) {
        proxy.order { loop in
            let living = loop.upstream.connections(of: nil, state: nil, after: 0, limit: 1000)
            guard !living.isEmpty else { return }
            _ = loop.upstream.close(connection: living[place % living.count].number, force: force)
        }
    }

    /// Another listener opens, and the first one closes: new clients come to the other.
    private func changeListeners(_ proxy: ProxyUnderTest) {
        guard let old = listenerEndpoint, !isStopping else { return }
        let new = Endpoint(address: old.address, port: old.port + 1)
        network.setPath(scenario.clientPath, to: new)
        proxy.order { [unowned self] _ in
            guard let proxy = self.proxy, proxy.listen(at: new) else { return }
            listenerEndpoint = new
            // Connections under way still reach the old one.
            after(.seconds(1)) { [unowned self] in
                self.proxy?.order { [unowned self] _ in self.proxy?.stopListening(at: old) }
            }
        }
    }
}
