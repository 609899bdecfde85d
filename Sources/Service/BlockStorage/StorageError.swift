import Glibc

/// An operation on a store failed. The wire carries its code; the connection lives on.
package struct StorageError: Error, Equatable, Sendable {
    /// Raw values are NBD's ("Error values"), which are Linux's.
    package enum Code: UInt32, Sendable {
        case notPermitted = 1
        case io = 5
        case noMemory = 12
        case invalid = 22
        case noSpace = 28
        case overflow = 75
        case notSupported = 95
        case shuttingDown = 108
    }
    package let code: Code
    /// Lower case, no full stop, with the values at fault: "read: got 17 of 512 bytes".
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Folds any errno onto the codes above; its number stays in the message.
    package init(errno number: CInt, during operation: String) {
        let code: Code =
            switch number {
            case EPERM, EACCES, EROFS: .notPermitted
            case ENOSPC, EDQUOT, EFBIG: .noSpace
            case ENOMEM: .noMemory
            case EINVAL: .invalid
            case EOPNOTSUPP, ENOTSUP: .notSupported
            default: .io
            }
        self.init(code, "\(operation): \(String(cString: strerror(number))) (errno \(number))")
    }
}

extension StorageError: CustomStringConvertible {
    package var description: String { message }
}
