/// Elements by the time at which they are due; of two due together, the one that came first.
struct DueQueue<Element> {
    private struct Entry {
        let due: Duration
        let number: Int
        let element: Element
    }

    private var heap: [Entry] = []
    private var counter = 0

    var firstDue: Duration? { heap.first?.due }

    private static func precedes(_ one: Entry, _ other: Entry) -> Bool {
        (one.due, one.number) < (other.due, other.number)
    }

    mutating func insert(_ element: Element, due: Duration) {
        counter += 1
        heap.append(Entry(due: due, number: counter, element: element))
        var index = heap.count - 1
        while index > 0, Self.precedes(heap[index], heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Traps when there is none.
    mutating func removeFirst() -> Element {
        heap.swapAt(0, heap.count - 1)
        let entry = heap.removeLast()
        var index = 0
        while true {
            let children = [2 * index + 1, 2 * index + 2].filter { $0 < heap.count }
            guard let least = children.min(by: { Self.precedes(heap[$0], heap[$1]) }),
                Self.precedes(heap[least], heap[index])
            else { return entry.element }
            heap.swapAt(index, least)
            index = least
        }
    }
}
