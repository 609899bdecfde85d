import Glibc

/// The server cannot run: what was attempted, and why it failed.
package struct ServerFailure: Error, CustomStringConvertible, Sendable {
    package let description: String

    init(_ operation: String, errno number: CInt) {
        description = "\(operation): \(String(cString: strerror(number))) (errno \(number))"
    }

    init(_ description: String) { self.description = description }
}
