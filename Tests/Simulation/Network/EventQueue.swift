import ProxyTypes

/// Names a scheduled piece of work, so that it can be cancelled. Value.
struct EventID: BitwiseCopyable {
    fileprivate let slot: Int32
    fileprivate let generation: UInt32
}

/// The scheduled events of the network by time; events of the same instant happen in the order in which they were
/// scheduled. Owns its memory.
struct EventQueue {
    enum Target: BitwiseCopyable {
        /// The bytes or the end under way in one direction of a link arrive.
        case arrival(link: Int32, fromDialler: Bool)
        /// The dialling side learns the outcome of its attempt.
        case dialled(link: Int32)
        /// The accepting side gets the connection.
        case accepted(link: Int32)
        /// A host gives up retransmitting on a silent path.
        case givenUp(link: Int32, fromDialler: Bool, attempt: UInt32)
        case work(slot: Int32, generation: UInt32)
    }

    private struct Event: BitwiseCopyable {
        let time: Int64
        let order: UInt64
        let target: Target

        static func < (a: Event, b: Event) -> Bool { a.time != b.time ? a.time < b.time : a.order < b.order }
    }

    private var heap: [Event] = []
    private var order: UInt64 = 0
    private var works: [(generation: UInt32, work: (() -> Void)?)] = []
    private var freeSlots: [Int32] = []

    var next: Instant? { heap.first.map { Instant(nanoseconds: $0.time) } }
    var isEmpty: Bool { heap.isEmpty }

    mutating func add(_ target: Target, at time: Instant) {
        order += 1
        heap.append(Event(time: time.nanoseconds, order: order, target: target))
        siftUp(heap.count - 1)
    }

    mutating func add(_ work: @escaping () -> Void, at time: Instant) -> EventID {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            works[Int(slot)].work = work
        } else {
            slot = Int32(works.count)
            works.append((0, work))
        }
        let generation = works[Int(slot)].generation
        add(.work(slot: slot, generation: generation), at: time)
        return EventID(slot: slot, generation: generation)
    }

    mutating func cancel(_ id: EventID) {
        _ = takeWork(slot: id.slot, generation: id.generation)
    }

    /// Nil if it was cancelled.
    mutating func takeWork(slot: Int32, generation: UInt32) -> (() -> Void)? {
        let index = Int(slot)
        guard works[index].generation == generation, let work = works[index].work else { return nil }
        works[index] = (generation &+ 1, nil)
        freeSlots.append(slot)
        return work
    }

    /// Takes the next event, if it is due by `limit`, with its time.
    mutating func pop(until limit: Instant) -> (target: Target, time: Instant)? {
        guard let first = heap.first, first.time <= limit.nanoseconds else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        return (first.target, Instant(nanoseconds: first.time))
    }

    private mutating func siftUp(_ start: Int) {
        heap.withUnsafeMutableBufferPointer { heap in
            var index = start
            let event = heap[index]
            while index > 0 {
                let parent = (index - 1) / 2
                guard event < heap[parent] else { break }
                heap[index] = heap[parent]
                index = parent
            }
            heap[index] = event
        }
    }

    private mutating func siftDown(_ start: Int) {
        heap.withUnsafeMutableBufferPointer { heap in
            var index = start
            let event = heap[index]
            while true {
                var child = 2 * index + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
                guard heap[child] < event else { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = event
        }
    }
}
