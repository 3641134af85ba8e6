import ForwardProxy
import Reactor
import TLS
import Upstream

/// Detects objects that outlive a run. Everything that connd creates for a client, a request or a connection holds one
/// of these, so that nothing can be left over without it. Value.
struct Remains {
    private weak var proxyLoop: ProxyLoop?
    private weak var upstreamLoop: UpstreamLoop?
    private weak var reactor: Reactor?
    private weak var tls: TLSLoop?
    /// Held by each engine.
    private weak var ledger: TLSLedger?
    private weak var kernel: SimulatedKernel?

    /// Made at the end of the run, because objects with weak references have slower reference counts.
    init(_ proxy: ProxyUnderTest, _ ledger: TLSLedger) {
        self.ledger = ledger
        tls = proxy.tls.loop
        proxyLoop = proxy.loop
        upstreamLoop = proxy.upstream
        reactor = proxy.reactor
        kernel = proxy.kernel
    }

    /// The objects that still exist, and what may hold them.
    var names: [String] {
        var names: [String] = []
        if proxyLoop != nil { names.append("ProxyLoop (by a client or an exchange)") }
        if upstreamLoop != nil { names.append("UpstreamLoop (by a pool, a connection or a dial)") }
        if reactor != nil { names.append("Reactor (by a loop)") }
        if tls != nil { names.append("TLSLoop (by a stream or a handshake)") }
        if let ledger { names.append("\(ledger.engines) engine(s) of TLS (by a stream or a handshake)") }
        if kernel != nil { names.append("the kernel (by a stream or a listener)") }
        return names
    }
}
