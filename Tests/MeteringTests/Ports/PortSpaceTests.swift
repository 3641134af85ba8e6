import Metering
import ProxyTypes
import Testing

@Suite("Which local ports there are")
struct PortSpaceTests {
    private func made(_ range: String, _ reserved: String = "") -> PortSpace? {
        PortSpace(range: range, reserved: reserved, timeWaitReuse: .never)
    }

    @Test("the range is read as the kernel writes it, and reserved ports of it are not counted")
    func usable() throws {
        #expect(try #require(made("32768\t60999\n", "\n")).usable == 28232)
        let space = try #require(made("1000\t1099\n", "8080,1010-1019,1015-1020,1099,1200-1300\n"))
        #expect(space.usable == 100 - 11 - 1)
        #expect(!space.contains(1010) && !space.contains(1020) && !space.contains(1099) && !space.contains(8080))
        #expect(space.contains(1009) && space.contains(1021) && !space.contains(999))
    }

    @Test("what is no range is none", arguments: ["", "1000", "2000 1000", "1 70000", "a b", "1 2 3"])
    func unreadable(text: String) {
        #expect(made(text) == nil)
        #expect(made("1000 1099", "x") == nil)
    }

    @Test(
        "few is a tenth, within bounds, and connd leaves half of it to others",
        arguments: [(200, 20), (28232, 1000), (10, 8)])
    func few(count: Int, few: Int) throws {
        let space = try #require(made("1000 \(999 + count)"))
        #expect(space.few == few && space.enough == few * 3 / 2 && space.left == few / 2)
    }

    @Test("TIME_WAIT blocks a port for a minute, or where it may be reused for a second")
    func blocking() throws {
        let remote = PortPath(
            source: try #require(IPAddress("10.0.0.5")),
            destination: Endpoint(address: try #require(IPAddress("10.0.0.6")), port: 80))
        let local = PortPath(
            source: try #require(IPAddress("::1")),
            destination: Endpoint(address: try #require(IPAddress("::1")), port: 80))
        for (reuse, far, near) in [
            (.never, .seconds(60), .seconds(60)), (.onLoopback, .seconds(60), .seconds(1)),
            (.always, .seconds(1), .seconds(1)),
        ] as [(PortSpace.TimeWaitReuse, Interval, Interval)] {
            let space = try #require(PortSpace(range: "1 2", reserved: "", timeWaitReuse: reuse))
            #expect(space.blocking(remote) == far && space.blocking(local) == near)
        }
    }
}
