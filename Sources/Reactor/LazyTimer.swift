package import ProxyTypes

/// Something that waits for a point in time: a client, a connection, a pool.
package protocol DeadlineOwner: AnyObject {
    /// May come early or when nothing is due any more: the owner looks for itself and returns when to wake it next.
    func deadlineReached(now: Instant) -> Instant
}

/// One owner's place in a LazyTimer. Loop-bound.
package final class Deadline {
    /// Its owner takes itself out in its `deinit`. Not weak: an object with weak references pays for them at every retain, and
    /// clients and connections are retained dozens of times a request.
    package unowned(unsafe) var owner: (any DeadlineOwner)?
    fileprivate var wakeAt = Instant.distantFuture
    fileprivate var index = -1

    package init(owner: (any DeadlineOwner)? = nil) {
        self.owner = owner
    }
}

/// The only timer of a reactor: a heap of wake-up times. Loop-bound.
///
/// A deadline that moves later costs nothing: the old wake-up comes early, asks its owner, and goes back into the heap.
/// So a request that sets and clears its time-outs usually does not touch the heap.
package final class LazyTimer {
    private var heap: [Deadline] = []

    /// An owner that is always due must not keep the loop from its sockets.
    private static let slack = Interval.milliseconds(1)

    var next: Instant { heap.first?.wakeAt ?? .distantFuture }

    /// Makes sure that the owner is asked at `when` or before.
    @inline(__always)
    package func wake(_ deadline: Deadline, at when: Instant) {
        if when < deadline.wakeAt { insert(deadline, at: when) }
    }

    package func remove(_ deadline: Deadline) {
        guard deadline.index >= 0 else { return }
        removeFromHeap(deadline)
    }

    private func insert(_ deadline: Deadline, at when: Instant) {
        deadline.wakeAt = when
        if deadline.index < 0 {
            deadline.index = heap.count
            heap.append(deadline)
        }
        siftUp(deadline.index)
    }

    func fire(now: Instant) {
        while let first = heap.first, first.wakeAt <= now {
            removeFromHeap(first)
            let next = first.owner?.deadlineReached(now: now) ?? .distantFuture
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.timerNotRearmed) { continue }
            #endif
            if next < .distantFuture { wake(first, at: max(next, now + Self.slack)) }
        }
    }

    private func removeFromHeap(_ deadline: Deadline) {
        let index = deadline.index
        deadline.index = -1
        deadline.wakeAt = .distantFuture
        let last = heap.removeLast()
        guard last !== deadline else { return }
        heap[index] = last
        last.index = index
        siftUp(index)
        siftDown(last.index)
    }

    private func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].wakeAt < heap[parent].wakeAt else { return }
            swap(index, parent)
            index = parent
        }
    }

    private func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].wakeAt < heap[least].wakeAt { least = child }
            }
            guard least != index else { return }
            swap(index, least)
            index = least
        }
    }

    private func swap(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        heap[a].index = a
        heap[b].index = b
    }
}
