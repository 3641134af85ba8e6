import ProxyTypes
import Testing
import Tuning

@testable import Upstream

@Suite("Which address of a name is tried first")
struct AddressOrderTests {
    private static func ipv4(_ last: UInt32) -> IPAddress { IPAddress(ipv4: 0xC000_0200 | last) }
    private static func ipv6(_ last: UInt64) -> IPAddress { IPAddress(high: 0x2001_0DB8 << 32, low: last) }

    // MARK: Of one dial

    @Test("spread: the address with the fewest connections first, within its family")
    func spread() {
        let addresses = [Self.ipv6(1), Self.ipv6(2), Self.ipv4(1)]
        let order = DialOrder(addresses, .spread, connections: [Self.ipv6(1): 3, Self.ipv6(2): 2]) { _ in false }
        #expect(order.addresses == [Self.ipv6(2), Self.ipv6(1), Self.ipv4(1)] && order.lastResorts == 0)
        let sorted = DialOrder(addresses, .resolver, connections: [Self.ipv6(1): 3]) { _ in false }
        #expect(sorted.addresses == addresses)
    }

    @Test("what failed lately comes last, in either order", arguments: AddressOrder.allCases)
    func failing(order: AddressOrder) {
        let addresses = [Self.ipv4(1), Self.ipv4(2), Self.ipv4(3)]
        let made = DialOrder(addresses, order, connections: [:]) { $0 == Self.ipv4(1) }
        #expect(made.addresses == [Self.ipv4(2), Self.ipv4(3), Self.ipv4(1)] && made.lastResorts == 1)
    }

    @Test("a dial tries eight addresses of each family at most, those first that did not fail lately")
    func most() {
        let addresses = (1...20).map { Self.ipv6($0) } + (1...20).map { Self.ipv4($0) }
        let made = DialOrder(addresses, .resolver, connections: [:]) { $0 == Self.ipv6(1) || $0 == Self.ipv4(20) }
        #expect(made.addresses == (2...9).map { Self.ipv6($0) } + (1...8).map { Self.ipv4($0) })
        #expect(made.lastResorts == 0)
    }

    // MARK: Failures

    @Test("an address is tried last for 5 s, for twice as long after each further failure, until it works")
    func penalty() {
        var health = AddressHealth()
        let endpoint = Endpoint(address: Self.ipv4(1), port: 80)
        let begin = Instant.zero + .seconds(100)
        for (failures, seconds) in [(1, 5), (2, 10), (3, 20)] as [(Int, Int64)] {
            health.failed(endpoint, ipv4Worked: true, now: begin)
            #expect(health.isLastResort(endpoint, now: begin + .milliseconds(seconds * 1000 - 1)), "\(failures)")
            #expect(!health.isLastResort(endpoint, now: begin + .seconds(seconds)), "\(failures)")
        }
        #expect(!health.isLastResort(Endpoint(address: Self.ipv4(1), port: 81), now: begin))
        health.succeeded(endpoint, now: begin)
        #expect(!health.isLastResort(endpoint, now: begin))
        for _ in 0..<20 { health.failed(endpoint, ipv4Worked: true, now: begin) }
        #expect(!health.isLastResort(endpoint, now: begin + .minutes(5)))
    }

    @Test("IPv6 is tried last once two of its addresses have failed where IPv4 worked, and is tested after a while")
    func brokenIPv6() {
        var health = AddressHealth()
        let (first, second, other) = (Self.ipv6(1), Self.ipv6(2), Self.ipv6(3))
        func endpoint(_ address: IPAddress) -> Endpoint { Endpoint(address: address, port: 80) }
        var now = Instant.zero + .seconds(100)
        health.failed(endpoint(first), ipv4Worked: true, now: now)
        health.failed(endpoint(first), ipv4Worked: true, now: now)
        health.failed(endpoint(second), ipv4Worked: false, now: now)
        #expect(!health.isLastResort(endpoint(other), now: now))
        health.failed(endpoint(second), ipv4Worked: true, now: now)
        #expect(health.isLastResort(endpoint(other), now: now) && health.isIPv6Broken(now: now))
        #expect(!health.isLastResort(endpoint(Self.ipv4(9)), now: now))
        now = now + AddressHealth.brokenTime
        #expect(!health.isLastResort(endpoint(other), now: now))
        // The test fails: it holds for as long again.
        health.failed(endpoint(other), ipv4Worked: true, now: now)
        #expect(health.isIPv6Broken(now: now))
        health.succeeded(endpoint(first), now: now)
        #expect(!health.isIPv6Broken(now: now))
        // It has just worked: single failures say nothing about the network.
        for address in [first, second, other] { health.failed(endpoint(address), ipv4Worked: true, now: now) }
        #expect(!health.isIPv6Broken(now: now))
    }

    @Test("another network has its own failures")
    func network() {
        var health = AddressHealth()
        let endpoint = Endpoint(address: Self.ipv4(1), port: 80)
        let now = Instant.zero + .seconds(100)
        let home = AddressHealth.Network(ipv4: Self.ipv4(200), ipv6: nil)
        health.note(home)
        health.failed(endpoint, ipv4Worked: true, now: now)
        health.note(home)
        #expect(health.isLastResort(endpoint, now: now))
        health.note(AddressHealth.Network(ipv4: Self.ipv4(201), ipv6: nil))
        #expect(!health.isLastResort(endpoint, now: now) && health.all(now: now).isEmpty)
    }

    @Test("no more than 4,096 failing addresses are remembered")
    func bound() {
        var health = AddressHealth()
        let now = Instant.zero + .seconds(100)
        for number in 0..<10_000 as Range<UInt32> {
            health.failed(Endpoint(address: IPAddress(ipv4: number), port: 80), ipv4Worked: true, now: now)
        }
        let all = health.all(now: now)
        #expect(all.count <= 4_096 && all.count >= 3_000)
    }

    // MARK: RFC 6724

    private static let source4 = IPAddress(ipv4: 0xC633_6401)
    private static let source6 = IPAddress(high: 0x2001_0DB8_0001_0000, low: 7)

    @Test("IPv6 comes before IPv4 where the host can reach it")
    func sortedBoth() {
        let addresses = [Self.ipv4(1), Self.ipv6(1), Self.ipv4(2), Self.ipv6(2)]
        let sorted = DestinationOrder.sorted(addresses) { $0.family == .ipv4 ? Self.source4 : Self.source6 }
        #expect(sorted == [Self.ipv6(1), Self.ipv6(2), Self.ipv4(1), Self.ipv4(2)])
        let withoutIPv6 = DestinationOrder.sorted(addresses) { $0.family == .ipv4 ? Self.source4 : nil }
        #expect(withoutIPv6 == [Self.ipv4(1), Self.ipv4(2), Self.ipv6(1), Self.ipv6(2)])
        #expect(DestinationOrder.sorted(addresses) { _ in nil } == sorted)
    }

    @Test("a private IPv6 source is no match for the world")
    func labels() {
        let uniqueLocal = IPAddress(high: 0xFD00 << 48, low: 1)
        let sorted = DestinationOrder.sorted([Self.ipv6(1), Self.ipv4(1)]) { address in
            address.family == .ipv4 ? Self.source4 : uniqueLocal
        }
        #expect(sorted == [Self.ipv4(1), Self.ipv6(1)])
    }

    @Test("::1 comes before 127.0.0.1; one family stays in its order and asks nothing")
    func plain() {
        let loopbacks = [IPAddress(ipv4: 0x7F00_0001), IPAddress(high: 0, low: 1)]
        #expect(DestinationOrder.sorted(loopbacks) { $0 } == [loopbacks[1], loopbacks[0]])
        let alone = [Self.ipv4(2), Self.ipv4(1)]
        let sorted = DestinationOrder.sorted(alone) { _ in
            Issue.record("asked")
            return nil
        }
        #expect(sorted == alone)
    }
}
