import Glibc

extension Errno {
    /// Those that a store can be expected to answer with.
    private static let names: [(CInt, String)] = [
        (EPERM, "EPERM"), (ENOENT, "ENOENT"), (EINTR, "EINTR"), (EIO, "EIO"), (ENXIO, "ENXIO"),
        (EBADF, "EBADF"), (EAGAIN, "EAGAIN"), (ENOMEM, "ENOMEM"), (EACCES, "EACCES"), (EBUSY, "EBUSY"),
        (EEXIST, "EEXIST"), (EXDEV, "EXDEV"), (ENODEV, "ENODEV"), (ENOTDIR, "ENOTDIR"), (EISDIR, "EISDIR"),
        (EINVAL, "EINVAL"), (ENFILE, "ENFILE"), (EMFILE, "EMFILE"), (ETXTBSY, "ETXTBSY"), (EFBIG, "EFBIG"),
        (ENOSPC, "ENOSPC"), (EROFS, "EROFS"), (EMLINK, "EMLINK"), (EDEADLK, "EDEADLK"),
        (ENAMETOOLONG, "ENAMETOOLONG"), (ENOLCK, "ENOLCK"), (ENOSYS, "ENOSYS"), (ENOTEMPTY, "ENOTEMPTY"),
        (ELOOP, "ELOOP"), (EOVERFLOW, "EOVERFLOW"), (EOPNOTSUPP, "EOPNOTSUPP"),
        (ENETDOWN, "ENETDOWN"), (ENETUNREACH, "ENETUNREACH"), (ECONNABORTED, "ECONNABORTED"),
        (ECONNRESET, "ECONNRESET"), (ENOTCONN, "ENOTCONN"), (ESHUTDOWN, "ESHUTDOWN"),
        (ETIMEDOUT, "ETIMEDOUT"), (ECONNREFUSED, "ECONNREFUSED"), (EHOSTDOWN, "EHOSTDOWN"),
        (EHOSTUNREACH, "EHOSTUNREACH"), (ESTALE, "ESTALE"), (EREMOTEIO, "EREMOTEIO"), (EDQUOT, "EDQUOT"),
        (ECANCELED, "ECANCELED"),
    ]

    /// "EIO"; "errno 7" for one without a name here.
    package var name: String { Self.names.first { $0.0 == number }?.1 ?? "errno \(number)" }
}
