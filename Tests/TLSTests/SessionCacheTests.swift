import CTLS
import ProxyTypes
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

@Suite("TLS: the session cache")
struct SessionCacheTests {
    private final class Waiter: SessionWaiter {
        private(set) var calls = 0
        func mayEnter() { calls += 1 }
    }

    private let cache = SessionCache()
    private func key(_ port: UInt16 = 443, generation: UInt64 = 1) -> SessionCache.Key {
        let endpoint = Endpoint(address: TLSFixture.address.address, port: port)
        return SessionCache.Key(
            peer: TLSPeer(host: "origin.test", endpoint: endpoint, profile: TLSProfile()), generation: generation)
    }

    /// As a peer of that version would have given it.
    private func session(_ version: LibraryServer.Version = .v1_3, lifetime: Int = 1000) throws -> LibrarySession {
        guard let pointer = SSL_SESSION_new() else { throw TestFailure("no SSL_SESSION") }
        SSL_SESSION_set_protocol_version(pointer, version.rawValue)
        SSL_SESSION_set_timeout(pointer, lifetime)
        return LibrarySession(taking: pointer)
    }

    private enum Turn: Equatable {
        case resume, full, wait
    }

    private func enter(
        _ key: SessionCache.Key, _ waiter: Waiter = Waiter(), now: Instant = .zero, wallClock: Int64 = 0
    ) -> Turn {
        switch cache.enter(key, waiter, now: now, wallClock: wallClock) {
        case .resume: .resume
        case .full: .full
        case .wait: .wait
        }
    }

    @Test("the first goes ahead, the others wait, and the end of the first lets one go on")
    func firstOfMany() {
        let waiters = (0..<3).map { _ in Waiter() }
        #expect(enter(key()) == .full)
        for waiter in waiters { #expect(enter(key(), waiter) == .wait) }
        cache.bringerEnded(key())
        #expect(waiters.map(\.calls) == [1, 0, 0])
        #expect(enter(key(), waiters[0]) == .full)
        cache.leave(key(), waiters[1])
        cache.bringerEnded(key())
        #expect(waiters.map(\.calls) == [1, 0, 1])
    }

    @Test("a session of TLS 1.2 lets all go on")
    func forAll() throws {
        let waiters = (0..<3).map { _ in Waiter() }
        #expect(enter(key()) == .full)
        for waiter in waiters { #expect(enter(key(), waiter) == .wait) }
        cache.add(try session(.v1_2), key())
        #expect(waiters.map(\.calls) == [1, 1, 1])
        for _ in 0..<5 { #expect(enter(key()) == .resume) }
    }

    @Test("whoever has waited long enough goes ahead, and later ones do not wait until a session has come")
    func inVain() throws {
        let waiter = Waiter()
        #expect(enter(key()) == .full && enter(key(), waiter) == .wait)
        cache.stopWaiting(key(), waiter)
        #expect(enter(key()) == .full)
        cache.add(try session(), key())
        #expect(enter(key()) == .resume && enter(key()) == .wait)
    }

    @Test("so many of the newest are kept, and the newest is used first")
    func newest() throws {
        #expect(enter(key()) == .full)
        let sessions = try (0..<SessionCache.maxSessions + 2).map { _ in try session() }
        for session in sessions { cache.add(session, key()) }
        #expect(cache.count == SessionCache.maxSessions)
        for session in sessions.reversed().prefix(SessionCache.maxSessions) {
            guard case .resume(let found) = cache.enter(key(), Waiter(), now: .zero, wallClock: 0) else {
                Issue.record("none left")
                return
            }
            #expect(found === session)
        }
        #expect(cache.count == 0)
    }

    @Test("whoever waits learns how many wait ahead")
    func ahead() throws {
        #expect(enter(key()) == .full)
        let waiters = (0..<3).map { _ in Waiter() }
        for (index, waiter) in waiters.enumerated() {
            guard case .wait(index) = cache.enter(key(), waiter, now: .zero, wallClock: 0) else {
                Issue.record("\(index) does not wait behind \(index)")
                return
            }
        }
    }

    @Test("a peer that refuses its sessions again and again is offered one now and then, and nobody waits for more")
    func refusing() throws {
        #expect(enter(key()) == .full)
        for _ in 0..<8 {
            let session = try session()
            cache.add(session, key())
            #expect(enter(key()) == .resume)
            cache.answered(session, key(), isResumed: false)
        }
        for _ in 0..<3 { cache.add(try session(), key()) }
        #expect(cache.count == 1)
        let turns = (0..<64).map { _ in enter(key()) }
        #expect(turns.count { $0 == .resume } == 1 && turns.count { $0 == .wait } == 0)
        // Its servers share their keys now.
        cache.answered(try session(), key(), isResumed: true)
        for _ in 0..<3 { cache.add(try session(), key()) }
        #expect((0..<4).map { _ in enter(key()) } == [.resume, .resume, .resume, .wait])
    }

    @Test("one that has expired is dropped")
    func expired() throws {
        #expect(enter(key()) == .full)
        let short = try session(.v1_2, lifetime: 10)
        cache.add(short, key())
        #expect(enter(key(), wallClock: short.expires - 1) == .resume)
        #expect(enter(key(), wallClock: short.expires) == .wait && cache.count == 0)
    }

    @Test("a generation that has passed takes its sessions with it, and those that waited for more go on")
    func generations() throws {
        let waiter = Waiter()
        for generation in [1, 2] as [UInt64] {
            #expect(enter(key(generation: generation)) == .full)
            cache.add(try session(), key(generation: generation))
        }
        #expect(enter(key(generation: 1)) == .resume && enter(key(generation: 1), waiter) == .wait)
        cache.removeAll(generation: 1)
        #expect(waiter.calls == 1 && cache.count == 1)
        // From a connection that is still open.
        cache.add(try session(), key(generation: 1))
        #expect(cache.count == 1)
    }

    @Test("peers are bounded: those unused for longest go, but none whose session is awaited")
    func bounded() throws {
        for port in 1...5000 as ClosedRange<UInt16> {
            #expect(enter(key(port), now: .zero + .seconds(Int64(port))) == .full)
            cache.add(try session(), key(port))
            // The first ten have a connection that is to bring more.
            if port > 10 { cache.bringerEnded(key(port)) }
        }
        #expect((3500...4106).contains(cache.count))
        #expect(enter(key(1)) == .resume && enter(key(5000)) == .resume && enter(key(11)) == .full)
    }
}
