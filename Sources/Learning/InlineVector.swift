/// An array of at most `capacity` elements, stored in place: nothing is allocated. Value.
package struct InlineVector<let capacity: Int, Element: BitwiseCopyable & Sendable>: Sendable {
    @usableFromInline var storage: InlineArray<capacity, Element>
    package private(set) var count = 0

    /// `unused` fills the places that are not taken.
    init(unused: Element) {
        storage = InlineArray(repeating: unused)
    }

    package var isEmpty: Bool { count == 0 }
    package var indices: Range<Int> { 0..<count }
    var last: Element? { isEmpty ? nil : storage[count - 1] }

    package subscript(index: Int) -> Element {
        get {
            precondition(index < count)
            return storage[index]
        }
        set {
            precondition(index < count)
            storage[index] = newValue
        }
    }

    mutating func append(_ element: Element) {
        storage[count] = element
        count += 1
    }

    mutating func remove(at index: Int) {
        precondition(index < count)
        for next in index + 1..<max(count, index + 1) { storage[next - 1] = storage[next] }
        count -= 1
    }

    mutating func removeAll() { count = 0 }

    mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        var kept = 0
        for index in 0..<count where !isUnwanted(storage[index]) {
            if kept != index { storage[kept] = storage[index] }
            kept += 1
        }
        count = kept
    }

    /// Equal elements stay in order.
    mutating func sort(by precedes: (Element, Element) -> Bool) {
        for index in 1..<max(count, 1) {
            let element = storage[index]
            var place = index
            while place > 0, precedes(element, storage[place - 1]) {
                storage[place] = storage[place - 1]
                place -= 1
            }
            storage[place] = element
        }
    }

    func contains(where isWanted: (Element) -> Bool) -> Bool {
        for index in 0..<count where isWanted(storage[index]) { return true }
        return false
    }

    func count(where isWanted: (Element) -> Bool) -> Int {
        var found = 0
        for index in 0..<count where isWanted(storage[index]) { found += 1 }
        return found
    }
}
