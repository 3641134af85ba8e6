import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import Testing

@testable import TLS

@Suite("TLS: pacing")
struct PacingTests {
    private final class Step: PacedStep {
        let onTurn: () -> Void
        init(_ onTurn: @escaping () -> Void) { self.onTurn = onTurn }
        func takeTurn() { onTurn() }
    }

    private let kernel = ScriptedKernel()
    private let reactor: Reactor
    private let pacer: HandshakePacer

    init() {
        reactor = Reactor(kernel: kernel)
        pacer = HandshakePacer(reactor: reactor)
    }

    private func round() {
        kernel.advance(by: .milliseconds(1))
        reactor.turn()
    }

    @Test("four steps a round, the others in the order in which they came")
    func order() {
        round()
        var taken: [Int] = []
        let steps = (0..<14).map { number in Step { taken.append(number) } }
        let atOnce = steps.map { pacer.mayStep($0) }
        #expect(atOnce == Array(repeating: true, count: 4) + Array(repeating: false, count: 10))
        round()
        #expect(taken == [4, 5, 6, 7])
        // Whoever comes now is behind those that wait.
        let late = Step { taken.append(99) }
        #expect(!pacer.mayStep(late))
        pacer.cancel(steps[9])
        round()
        #expect(taken == [4, 5, 6, 7, 8, 10, 11, 12])
        round()
        #expect(taken == [4, 5, 6, 7, 8, 10, 11, 12, 13, 99])
        round()
        #expect(pacer.mayStep(late))
    }

    @Test("a step that comes in another's turn waits behind the others")
    func fromWithin() {
        round()
        var taken: [Int] = []
        let last = Step { taken.append(9) }
        let steps = (0..<6).map { number in
            Step { [pacer] in
                taken.append(number)
                if number == 4 { #expect(!pacer.mayStep(last)) }
            }
        }
        for step in steps { _ = pacer.mayStep(step) }
        round()
        #expect(taken == [4, 5, 9])
    }

    @Test("of handshakes that begin together four send their hello in each round, and all get done")
    func handshakes() throws {
        let fixture = try TLSFixture()
        let server = try LibraryServer(fixture.certificates.origin())
        _ = try fixture.connect(server)
        fixture.kernel.advance(by: .milliseconds(1))
        fixture.reactor.turn()
        // Peers of their own, so that none waits for another's session.
        let links = try (0..<10).map { number in
            let port = UInt16(1000 + number)
            return try fixture.start(server, at: Endpoint(address: TLSFixture.address.address, port: port))
        }
        var begun = [links.count { !$0.socket.receivedBytes.isEmpty }]
        for _ in 0..<2 {
            fixture.kernel.advance(by: .milliseconds(1))
            fixture.reactor.turn()
            begun.append(links.count { !$0.socket.receivedBytes.isEmpty })
        }
        #expect(begun == [4, 8, 10])
        for _ in 0..<20 {
            fixture.kernel.advance(by: .milliseconds(1))
            for link in links { link.exchange() }
        }
        #expect(links.allSatisfy { $0.stream != nil })
    }

    @Test(
        "an end that comes while a handshake waits for its turn is found behind what came before",
        arguments: [false, true])
    func endWhileWaiting(byReset: Bool) throws {
        let fixture = try TLSFixture()
        let server = try LibraryServer(fixture.certificates.origin(), .init(.v1_3))
        let links = try (0..<5).map { number in
            let port = UInt16(1000 + number)
            return try fixture.begin(server, at: Endpoint(address: TLSFixture.address.address, port: port))
        }
        // All that is to come for each is there in one round, and four take its steps.
        for link in links {
            link.carryOut()
            link.socket.send(link.underway)
        }
        let link = links[4]
        if byReset { link.socket.reset() } else { link.socket.end() }
        fixture.kernel.advance(by: .milliseconds(1))
        fixture.reactor.turn()
        #expect(links.map { $0.stream != nil } == [true, true, true, true, false] && link.failure == nil)
        fixture.kernel.advance(by: .milliseconds(2))
        fixture.turn()
        #expect(link.failure?.reason == .closed && link.stream == nil && link.socket.isClosed, "\(link.outcome)")
    }
}
