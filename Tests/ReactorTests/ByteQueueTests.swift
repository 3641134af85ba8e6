import ProxyTypes
import Reactor
import Testing

@Suite("Byte queue")
struct ByteQueueTests {
    private func bytes(_ store: borrowing ByteQueue) -> [UInt8] { Array(store.bytes) }

    @Test("what is appended comes out in order, however it is consumed")
    func behavesLikeAnArray() {
        var random = SeededRandom(seed: 7)
        var store = ByteQueue()
        var model: [UInt8] = []
        for _ in 0..<5_000 {
            switch random.below(5) {
            case 0, 1, 2:
                let more = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                more.withUnsafeBytes { store.append($0) }
                model += more
            case 3:
                let count = random.below(model.count + 1)
                store.consume(count)
                model.removeFirst(count)
            default:
                let room = store.room(for: 10)
                room.storeBytes(of: 0xAB, as: UInt8.self)
                store.commit(1)
                model.append(0xAB)
            }
            let count = store.count
            #expect(count == model.count)
        }
        let all = bytes(store)
        #expect(all == model)
    }

    @Test("cleared, it keeps small memory and lets go of large")
    func clears() {
        var store = ByteQueue()
        store.append(String(repeating: "x", count: 10_000))
        store.clear(keeping: 100)
        let isEmpty = store.isEmpty
        #expect(isEmpty)
        store.append("hello")
        let text = String(decoding: store.bytes, as: UTF8.self)
        #expect(text == "hello")
    }
}
