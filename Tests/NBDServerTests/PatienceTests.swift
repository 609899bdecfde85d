import Testing

@testable import NBDServer

struct PatienceTests {
    /// Which of some waits begin with a look that comes to the given end.
    private func looks(_ waits: Int, found: Bool, _ patience: inout Patience) -> [Bool] {
        (0..<waits).map { _ in
            let mustLook = patience.shouldLook()
            if mustLook { patience.looked(found: found) }
            return mustLook
        }
    }

    @Test func `each look in vain doubles the waits without one, up to the limit`() {
        var patience = Patience(processors: 2)
        for rest in [1, 2, 4, 8, 16, 32, 64, 64] {
            let expected = [true] + Array(repeating: false, count: rest)
            #expect(looks(1 + rest, found: false, &patience) == expected)
        }
    }

    @Test func `a look that finds something is followed by the next`() {
        var patience = Patience(processors: 2)
        #expect(looks(5, found: true, &patience) == [true, true, true, true, true])
        #expect(looks(3, found: false, &patience) == [true, false, true])
        #expect(looks(4, found: true, &patience) == [false, false, true, true])
        #expect(looks(3, found: false, &patience) == [true, false, true])
    }

    @Test func `one processor alone never looks`() {
        var patience = Patience(processors: 1)
        #expect(looks(3, found: true, &patience) == [false, false, false])
    }
}
