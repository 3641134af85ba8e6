import Foundation
import TestSupport
import Testing

/// Debug builds of connd alone take some 20 MiB. Under a sanitizer most of a process' memory is the sanitizer's.
private let memoryBound = ProcessInfo.processInfo.environment["CONND_SANITIZER"] == nil ? 64 * 1024 : .max
private let size = 64 << 20

@Suite struct BackPressureTests {
    /// What the kernel may buffer on connd's two sockets and the sender's, which it decides by their pace, and a few MiB.
    private static let mostHeld: Int = {
        func most(_ name: String) -> Int {
            let text = (try? String(contentsOfFile: "/proc/sys/net/ipv4/\(name)", encoding: .utf8)) ?? ""
            return text.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 6 << 20
        }
        return most("tcp_rmem") + 2 * most("tcp_wmem") + (4 << 20)
    }()

    /// Sends `size` bytes as they are taken, and counts them.
    private static func sendAll(_ socket: StreamSocket, counting sent: EventSource<Int>) throws {
        let block = [UInt8](repeating: 7, count: 1 << 16)
        var rest = size
        while rest > 0 {
            guard let count = try socket.sendSome(block.prefix(rest), within: TestTimeout.milliseconds), count > 0
            else {
                throw TestFailure("the other side took no more")
            }
            rest -= count
            sent.change { $0 += count }
        }
    }

    /// Waits until a sender stands still: nothing tells so but that nothing was taken from it for some time.
    private static func waitForStandstill(of sent: EventSource<Int>) throws -> Int {
        while true {
            let before = sent.current
            if (try? sent.wait(for: "more to be sent", within: 300, { $0 > before })) == nil, before > 0 {
                return before
            }
        }
    }

    @Test("of a large response that its client does not read, only a bounded part is held")
    func response() throws {
        let sent = EventSource(0)
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            try Self.sendAll(connection.socket, counting: sent)
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy, receiveBuffer: 65536)
        try client.send("GET", origin.url(), ["Connection: close"])
        var received = 0
        for step in 1...3 {
            let standing = try Self.waitForStandstill(of: sent)
            // Kernel buffers on both sides of connd take some MiB of their own.
            #expect(standing - received < Self.mostHeld)
            #expect(try proxy.memory("VmRSS") < memoryBound)
            while received < step * 4 << 20 { received += try client.read(1 << 16).count }
        }
        // The head came along with the body.
        let (rest, ending) = try client.readToEndCounting()
        #expect(ending == .fin)
        #expect(received + rest > size)
        #expect(try proxy.memory("VmHWM") < memoryBound)
    }

    @Test("of a large upload that its origin does not read, only a bounded part is held")
    func upload() throws {
        let gate = Gate()
        let (sent, received) = (EventSource(0), EventSource(0))
        let origin = try FakeOrigin { connection in
            connection.socket.setReceiveBuffer(65536)
            guard try connection.readHead() != nil else { return }
            try gate.pass()
            while received.current < size {
                let count = try connection.read(1 << 16).count
                received.change { $0 += count }
            }
            connection.respond()
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: \(size)"])
        let socket = client.socket
        let sender = Background { try Self.sendAll(socket, counting: sent) }
        let standing = try Self.waitForStandstill(of: sent)
        #expect(standing < Self.mostHeld)
        #expect(try proxy.memory("VmRSS") < memoryBound)
        gate.open()
        try sender.wait()
        #expect(try client.response().text == "hello")
        #expect(received.current == size)
        #expect(try proxy.memory("VmHWM") < memoryBound)
    }

    @Test("a slow reader in a tunnel holds its sender back")
    func tunnel() throws {
        let sent = EventSource(0)
        let origin = try FakeOrigin { connection in try Self.sendAll(connection.socket, counting: sent) }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy, receiveBuffer: 65536)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.response(to: "CONNECT").status == 200)
        #expect(try Self.waitForStandstill(of: sent) < Self.mostHeld)
        #expect(try proxy.memory("VmRSS") < memoryBound)
        #expect(try client.readToEndCounting().count == size)
        #expect(try proxy.memory("VmHWM") < memoryBound)
    }

    @Test("of what is sent behind a request that asks for an upgrade, only a bounded part is held for the 101")
    func upgrade() throws {
        let gate = Gate()
        let (sent, received) = (EventSource(0), EventSource(0))
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            try gate.pass()
            connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
            while received.current < size {
                let count = try connection.read(1 << 16).count
                received.change { $0 += count }
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Connection: Upgrade", "Upgrade: tcp"], body: "{}")
        let socket = client.socket
        let sender = Background { try Self.sendAll(socket, counting: sent) }
        #expect(try Self.waitForStandstill(of: sent) < Self.mostHeld)
        #expect(try proxy.memory("VmRSS") < memoryBound)
        gate.open()
        #expect(try client.response().status == 101)
        try sender.wait()
        #expect(try client.end() == .fin)
        #expect(received.current == size)
        #expect(try proxy.memory("VmHWM") < memoryBound)
    }
}
