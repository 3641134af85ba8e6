/// The neighbours of one element of an `IndexList`. Value.
struct Links: BitwiseCopyable {
    static let none = UInt32.max

    var previous = Links.none
    var next = Links.none
}

/// A doubly linked list of array indices; its links live in an array beside the elements. All in O(1), and nothing is
/// allocated. An index is in at most one list per links array. Value.
struct IndexList: BitwiseCopyable {
    private(set) var first = Links.none
    private(set) var last = Links.none
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ index: UInt32, _ links: inout Slab<Links>) {
        links[Int(index)] = Links(previous: last, next: Links.none)
        if last == Links.none { first = index } else { links[Int(last)].next = index }
        last = index
        count += 1
    }

    /// `previous`: `Links.none` for the first place.
    mutating func insert(_ index: UInt32, after previous: UInt32, _ links: inout Slab<Links>) {
        guard previous != last else { return append(index, &links) }
        let next = previous == Links.none ? first : links[Int(previous)].next
        links[Int(index)] = Links(previous: previous, next: next)
        links[Int(next)].previous = index
        if previous == Links.none { first = index } else { links[Int(previous)].next = index }
        count += 1
    }

    mutating func remove(_ index: UInt32, _ links: inout Slab<Links>) {
        let own = links[Int(index)]
        if own.previous == Links.none { first = own.next } else { links[Int(own.previous)].next = own.next }
        if own.next == Links.none { last = own.previous } else { links[Int(own.next)].previous = own.previous }
        count -= 1
    }
}
