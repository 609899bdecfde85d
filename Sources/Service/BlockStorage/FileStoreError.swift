import Glibc

/// Why a file cannot serve as an image, with what to do about it.
package struct FileStoreError: Error, Equatable, Sendable {
    package enum Cause: Equatable, Sendable {
        case notFound, isDirectory, empty, unreadable, notWritable, notAFile, busy
        case other(errno: CInt)
    }
    package let cause: Cause
    package let path: String

    package init(_ cause: Cause, path: String) {
        self.cause = cause
        self.path = path
    }

    init(errno number: CInt, path: String, isReadOnly: Bool) {
        let cause: Cause =
            switch number {
            case ENOENT, ENOTDIR: .notFound
            case EISDIR: .isDirectory
            case EACCES, EPERM: isReadOnly || access(path, R_OK) != 0 ? .unreadable : .notWritable
            case EROFS, ETXTBSY: .notWritable
            case EBUSY: .busy
            case ENXIO: .notAFile
            default: .other(errno: number)
            }
        self.init(cause, path: path)
    }
}

extension FileStoreError: CustomStringConvertible {
    /// Lower case, no full stop: path, cause, remedy.
    package var description: String {
        switch cause {
        case .notFound: "\(path): no such file; check the path"
        case .isDirectory: "\(path): is a directory; name an image file inside it"
        case .empty: "\(path): is empty; a medium needs at least one byte"
        case .unreadable: "\(path): may not be read by this user; change its mode or owner"
        case .notWritable: "\(path): may not be written by this user; serve it read-only or change its mode"
        case .notAFile: "\(path): is neither a regular file nor a block device"
        case .busy: "\(path): is in use by something else; unmount or detach it first"
        case .other(let number): "\(path): \(String(cString: strerror(number))) (errno \(number))"
        }
    }
}
