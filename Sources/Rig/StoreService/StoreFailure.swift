import Glibc

/// The store cannot do what it was asked: what was attempted, why it failed, and what would help.
package struct StoreFailure: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String

    package init(_ description: String) { self.description = description }

    package init(_ operation: String, errno number: CInt) {
        description = "\(operation): \(String(cString: strerror(number))) (errno \(number))"
    }
}
