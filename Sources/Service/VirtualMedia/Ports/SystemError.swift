import Glibc

/// A system call, real or simulated, failed with an errno.
package struct SystemError: Error, Equatable, Sendable {
    package let errno: CInt
    /// What was attempted and on what: "write usb_gadget/g1/UDC".
    package let operation: String

    package init(_ errno: CInt, _ operation: String) {
        self.errno = errno
        self.operation = operation
    }
}

extension SystemError: CustomStringConvertible {
    package var description: String {
        "\(operation): \(String(cString: strerror(errno))) (errno \(errno))"
    }
}
