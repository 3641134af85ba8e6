/// What happens next in the simulation, in order of time; of one time, in the order of coming. Value.
struct ZooQueue {
    enum Event {
        case responded(ZooConnection)
        case woken(ZooConnection)
        case failed(ZooFailure)
        case restarted(backend: Int)
        case changed(CloseModel)
    }

    private struct Entry {
        let at: Double
        let number: Int
        let event: Event

        func precedes(_ other: Entry) -> Bool { at < other.at || at == other.at && number < other.number }
    }

    private var heap: [Entry] = []
    private var number = 0

    var next: Double { heap.first?.at ?? .infinity }

    mutating func add(_ at: Double, _ event: Event) {
        number += 1
        let entry = Entry(at: at, number: number, event: event)
        var place = heap.count
        heap.append(entry)
        while place > 0, entry.precedes(heap[(place - 1) / 2]) {
            heap[place] = heap[(place - 1) / 2]
            place = (place - 1) / 2
        }
        heap[place] = entry
    }

    mutating func take() -> (at: Double, event: Event) {
        let first = heap[0]
        let last = heap.removeLast()
        guard !heap.isEmpty else { return (first.at, first.event) }
        var place = 0
        while 2 * place + 1 < heap.count {
            var child = 2 * place + 1
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = last
        return (first.at, first.event)
    }
}
