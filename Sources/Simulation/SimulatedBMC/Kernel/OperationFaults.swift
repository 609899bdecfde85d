/// Makes configfs operations fail that would have succeeded.
package struct OperationFault: Sendable {
    package enum Operation: String, Sendable, CaseIterable {
        case makeDirectory = "mkdir"
        case removeDirectory = "rmdir"
        case makeLink = "symlink"
        case removeLink = "unlink"
        case read, write, list
    }
    /// `nil` concerns every operation.
    package var operation: Operation?
    /// The path ends like this, "lun.0/file"; empty concerns every path.
    package var pathSuffix: String
    /// Which of the operations concerned, counted from 1 at the injection.
    package var occurrences: ClosedRange<Int>
    package var errno: CInt

    package init(
        operation: Operation? = nil, pathSuffix: String = "", occurrences: ClosedRange<Int>, errno: CInt
    ) {
        self.operation = operation
        self.pathSuffix = pathSuffix
        self.occurrences = occurrences
        self.errno = errno
    }
}

/// The injected faults and how often each was met.
struct OperationFaults {
    private var faults: [(fault: OperationFault, matches: Int)] = []
    /// How many operations were made to fail; a plan that never fired proves nothing.
    private(set) var firedCount = 0

    mutating func inject(_ fault: OperationFault) { faults.append((fault, 0)) }

    mutating func check(_ operation: OperationFault.Operation, _ path: String) throws(Errno) {
        var errno: CInt?
        for index in faults.indices {
            let fault = faults[index].fault
            guard fault.operation == nil || fault.operation == operation, path.hasSuffix(fault.pathSuffix)
            else { continue }
            faults[index].matches += 1
            if errno == nil && fault.occurrences.contains(faults[index].matches) { errno = fault.errno }
        }
        guard let errno else { return }
        firedCount += 1
        throw Errno(rawValue: errno)
    }
}
