/// Finds the index that belongs to a number: open addressing with linear probing, at most half full. The keys are ids
/// that this program gives out, so no attacker chooses them and one multiplication spreads them well enough; a
/// Dictionary's keyed hash would cost more than all else that waiting does. It never shrinks. Owns its memory.
struct IndexMap: ~Copyable {
    // Not private: a private element type of a Slab crashes the compiler (6.3.1, debug builds).
    struct Entry: BitwiseCopyable {
        var key: UInt64 = 0
        var index = Links.none
    }

    private var entries = Slab<Entry>()
    private var shift: UInt64 = 60
    private(set) var count = 0

    init() {
        for _ in 0..<16 { entries.append(Entry()) }
    }

    /// `Links.none` if the key is not there.
    func find(_ key: UInt64) -> UInt32 {
        entries[place(key)].index
    }

    /// Replaces nothing: the key must not be there.
    mutating func insert(_ key: UInt64, _ index: UInt32) {
        if (count + 1) * 2 > entries.count { grow() }
        entries[place(key)] = Entry(key: key, index: index)
        count += 1
    }

    mutating func remove(_ key: UInt64) {
        var hole = place(key)
        guard entries[hole].index != Links.none else { return }
        count -= 1
        // Entries behind the hole whose probe sequence passes it move up, so that no search ends too soon.
        let mask = entries.count - 1
        var cursor = (hole + 1) & mask
        while entries[cursor].index != Links.none {
            let wanted = home(entries[cursor].key)
            if (cursor - wanted) & mask >= (cursor - hole) & mask {
                entries[hole] = entries[cursor]
                hole = cursor
            }
            cursor = (cursor + 1) & mask
        }
        entries[hole].index = Links.none
    }

    private func home(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    /// Where the key is, or where it would go.
    private func place(_ key: UInt64) -> Int {
        let mask = entries.count - 1
        var place = home(key)
        while entries[place].index != Links.none, entries[place].key != key { place = (place + 1) & mask }
        return place
    }

    private mutating func grow() {
        var old = Slab<Entry>()
        swap(&old, &entries)
        for _ in 0..<old.count * 2 { entries.append(Entry()) }
        shift -= 1
        for index in old.indices where old[index].index != Links.none {
            let entry = old[index]
            entries[place(entry.key)] = entry
        }
    }
}
