/// First in, first out, at constant cost.
struct Fifo<Element> {
    private var elements: [Element] = []
    private var head = 0
    /// Taken elements that are kept before the rest is moved to the front.
    private static var slack: Int { 64 }

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }

    var first: Element? {
        get { isEmpty ? nil : elements[head] }
        set {
            guard let newValue, !isEmpty else { preconditionFailure("only what is there can be replaced") }
            elements[head] = newValue
        }
    }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        head += 1
        if head == elements.count || (head > Self.slack && head > elements.count / 2) {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func takeAll() -> [Element] {
        defer { (elements, head) = ([], 0) }
        return Array(elements[head...])
    }
}

extension Fifo: Sendable where Element: Sendable {}
