import Glibc
import VirtualMedia

/// What a kernel function returns when it fails; the system call that it served adds the rest.
struct Errno: Error, Equatable, Sendable {
    let rawValue: CInt

    static let notPermitted = Errno(rawValue: EPERM)
    static let noEntry = Errno(rawValue: ENOENT)
    static let io = Errno(rawValue: EIO)
    static let noSpace = Errno(rawValue: ENOSPC)
    static let accessDenied = Errno(rawValue: EACCES)
    static let busy = Errno(rawValue: EBUSY)
    static let exists = Errno(rawValue: EEXIST)
    static let noDevice = Errno(rawValue: ENODEV)
    static let notDirectory = Errno(rawValue: ENOTDIR)
    static let isDirectory = Errno(rawValue: EISDIR)
    static let invalid = Errno(rawValue: EINVAL)
    static let readOnly = Errno(rawValue: EROFS)
    static let range = Errno(rawValue: ERANGE)
    static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    static let notEmpty = Errno(rawValue: ENOTEMPTY)
    static let overflow = Errno(rawValue: EOVERFLOW)
    /// The kernel's own ETOOSMALL, which f_mass_storage lets out to user space though libc does not
    /// know it.
    static let tooSmall = Errno(rawValue: 525)

    func during(_ operation: String) -> SystemError { SystemError(rawValue, operation) }
}
