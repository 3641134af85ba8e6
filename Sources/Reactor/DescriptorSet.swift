import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// Descriptors that belong to a library, which says for each what it waits for. Loop-bound.
///
/// They are level-triggered, as such libraries expect, and so in an epoll instance of their own, which the reactor watches.
package final class DescriptorSet: EventSource {
    package typealias Handler = (_ descriptor: CInt, _ readable: Bool, _ writable: Bool) -> Void

    private let reactor: Reactor
    private let epoll: CInt
    private let handler: Handler
    private var watched: Set<CInt> = []
    private var isOpen = true
    private let ready = UnsafeMutableBufferPointer<clinux_ready>.allocate(capacity: eventsAtOnce)

    private static let eventsAtOnce = 64

    /// `handler` may change the set.
    package init(on reactor: Reactor, handler: @escaping Handler) throws(SystemError) {
        self.reactor = reactor
        self.handler = handler
        epoll = epoll_create1(clinux_epoll_cloexec())
        guard epoll >= 0 else { throw SystemError(code: errno, doing: "creating an epoll instance") }
        super.init()
        let code = reactor.watch(self, epoll, edges: false)
        guard code == 0 else {
            Glibc.close(epoll)
            isOpen = false
            throw SystemError(code: -code, doing: "watching an epoll instance")
        }
    }

    deinit { ready.deallocate() }

    /// What the library waits for at this descriptor from now on; neither: it is about to be closed.
    package func update(_ descriptor: CInt, readable: Bool, writable: Bool) {
        guard isOpen else { return }
        guard readable || writable else {
            if watched.remove(descriptor) != nil { _ = clinux_epoll_delete(epoll, descriptor) }
            return
        }
        let events = (readable ? clinux_epoll_in() : 0) | (writable ? clinux_epoll_out() : 0)
        // Never 0, which would be no pointer.
        let tag = UnsafeRawPointer(bitPattern: Int(descriptor) + 1)
        if watched.insert(descriptor).inserted {
            _ = clinux_epoll_add(epoll, descriptor, events, tag)
        } else {
            _ = clinux_epoll_modify(epoll, descriptor, events, tag)
        }
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        reactor.unwatch(self)
        Glibc.close(epoll)
    }

    override func ready(_ events: UInt32) {
        guard isOpen else { return }
        // The rest comes in the next round.
        let count = clinux_epoll_wait(epoll, ready.baseAddress, CInt(ready.count), 0)
        for index in 0..<max(0, Int(count)) where isOpen {
            let descriptor = CInt(Int(bitPattern: ready[index].tag) - 1)
            let what = ready[index].events
            let failed = what & clinux_epoll_hangup() != 0
            handler(descriptor, failed || what & clinux_epoll_in() != 0, failed || what & clinux_epoll_out() != 0)
        }
    }
}
