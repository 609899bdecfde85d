import FaultPoints
import Synchronization
import Testing

struct FaultHoldTests {
    @Test func `a hold lets everyone through in order once it is released, and later ones at once`() {
        let hold = FaultHold()
        let passed = Mutex<[Int]>([])
        for number in 0..<3 { hold.whenReleased { passed.withLock { $0.append(number) } } }
        #expect(passed.withLock { $0 }.isEmpty && !hold.isReleased)
        hold.release()
        hold.release()
        hold.whenReleased { passed.withLock { $0.append(3) } }
        #expect(passed.withLock { $0 } == [0, 1, 2, 3] && hold.isReleased)
    }

    @Test func `a task waits until the hold is released`() async {
        let hold = FaultHold()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hold.released() }
            hold.release()
        }
        await hold.released()
        #expect(hold.isReleased)
    }
}
