import Glibc

/// The file system cannot be mounted: what was attempted, why it failed, and what would help.
package struct MountFailure: Error, CustomStringConvertible, Sendable {
    package let description: String

    init(_ description: String) { self.description = description }

    init(_ operation: String, errno number: CInt) {
        description = "\(operation): \(String(cString: strerror(number))) (errno \(number))"
    }
}
