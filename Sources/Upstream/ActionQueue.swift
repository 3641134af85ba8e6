/// What a machine wants done, in order. An action that causes an event at once adds to the queue that is being worked
/// through, so that drivers never recurse. Value.
struct ActionQueue<Action> {
    private enum Progress {
        case waiting
        case performing(next: Int)
    }

    /// Where the machine appends.
    var pending: [Action] = []
    private var progress = Progress.waiting

    @inline(__always)
    var isEmpty: Bool { pending.isEmpty }

    @inline(__always)
    var isPerforming: Bool {
        switch progress {
        case .waiting: false
        case .performing: true
        }
    }

    /// False where they are being performed further up the stack, which performs the new ones too.
    mutating func begin() -> Bool {
        guard !isPerforming else { return false }
        progress = .performing(next: 0)
        return true
    }

    /// The next one to perform; nil at the end, which ends what `begin` began.
    mutating func next() -> Action? {
        guard case .performing(let index) = progress, index < pending.count else {
            progress = .waiting
            pending.removeAll(keepingCapacity: true)
            return nil
        }
        progress = .performing(next: index + 1)
        return pending[index]
    }
}
