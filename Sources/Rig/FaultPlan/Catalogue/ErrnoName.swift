/// The errnos that faults answer with, by their names on Linux.
package enum ErrnoName {
    package static let numbers: [(name: String, number: CInt)] = [
        ("EPERM", 1), ("ENOENT", 2), ("EINTR", 4), ("EIO", 5), ("ENXIO", 6), ("E2BIG", 7), ("ENOEXEC", 8),
        ("EBADF", 9), ("ECHILD", 10), ("EAGAIN", 11), ("ENOMEM", 12), ("EACCES", 13), ("EFAULT", 14),
        ("EBUSY", 16), ("EEXIST", 17), ("EXDEV", 18), ("ENODEV", 19), ("ENOTDIR", 20), ("EISDIR", 21),
        ("EINVAL", 22), ("ENFILE", 23), ("EMFILE", 24), ("ETXTBSY", 26), ("EFBIG", 27), ("ENOSPC", 28),
        ("ESPIPE", 29), ("EROFS", 30), ("EMLINK", 31), ("EPIPE", 32), ("ENAMETOOLONG", 36),
        ("ENOTEMPTY", 39), ("ELOOP", 40), ("ENODATA", 61), ("ETIME", 62), ("ENOLINK", 67), ("EPROTO", 71),
        ("EBADMSG", 74), ("EOVERFLOW", 75), ("ENOTSOCK", 88), ("EMSGSIZE", 90), ("EOPNOTSUPP", 95),
        ("EADDRINUSE", 98), ("ENETUNREACH", 101), ("ECONNABORTED", 103), ("ECONNRESET", 104),
        ("ENOBUFS", 105), ("ENOTCONN", 107), ("ESHUTDOWN", 108), ("ETIMEDOUT", 110), ("ECONNREFUSED", 111),
        ("EHOSTDOWN", 112), ("EHOSTUNREACH", 113), ("EALREADY", 114), ("EINPROGRESS", 115), ("ESTALE", 116),
        ("EREMOTEIO", 121), ("EDQUOT", 122), ("ENOMEDIUM", 123), ("ECANCELED", 125), ("EKEYREJECTED", 129),
    ]

    package static func number(of name: String) -> CInt? { numbers.first { $0.name == name }?.number }
    package static func name(of number: CInt) -> String? { numbers.first { $0.number == number }?.name }
}
