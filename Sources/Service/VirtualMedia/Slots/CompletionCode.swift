/// The argument of a Completion signal: zero, or the errno whose meaning is nearest to the cause.
///
/// Each cause has a number of its own. 0, 5, 16, 22, 111 and 125 mean what clients of earlier
/// services know them for; docs/dbus-interface.md has the table.
package enum CompletionCode: Int32, Sendable, CaseIterable {
    case done = 0
    case notFound = 2
    /// Something inside the BMC failed: configfs, nbd, an unreadable block.
    case inputOutput = 5
    case forbidden = 13
    case busy = 16
    case noController = 19
    case isDirectory = 21
    /// The request itself: a URL or an option that makes no sense.
    case invalid = 22
    case tooLarge = 27
    case lengthUnknown = 29
    case readOnly = 30
    case pathTooLong = 36
    case redirected = 40
    case gone = 43
    /// The other side does not speak NBD, or refused the export.
    case notAnExport = 52
    case empty = 61
    case connectionLost = 67
    case tlsFailed = 71
    case truncated = 74
    case notASocket = 88
    case wrongLength = 90
    case rangeNotSupported = 95
    /// The name of the server leads to an address that this request may not use.
    case addressNotAllowed = 99
    case unreachable = 101
    case timedOut = 110
    case connectionRefused = 111
    case hostNotFound = 113
    /// The image is not the one that was mounted.
    case changed = 116
    case serverError = 121
    case cancelled = 125
    case untrustedCertificate = 126
    case wrongCredentials = 129
}

/// Why a mount failed or ended, for people and for programs. The text never holds a secret.
package struct SlotFailure: Error, Equatable, Sendable {
    package let code: CompletionCode
    /// Lower case, no full stop: what was found, and where it helps, what to do.
    package let message: String

    package init(_ code: CompletionCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension SlotFailure: CustomStringConvertible {
    package var description: String { message }
}

extension SlotFailure {
    package init(_ error: ImageError) { self.init(CompletionCode(error.cause), error.message) }

    /// A failed system call, where no more is known of its meaning.
    package init(_ error: SystemError) {
        let code: CompletionCode =
            switch error.errno {
            case 2: .notFound
            case 11, 16: .busy
            case 13: .forbidden
            case 36: .pathTooLong
            case 88: .notASocket
            case 104, 32: .connectionLost
            case 110: .timedOut
            case 111: .connectionRefused
            case 125: .cancelled
            default: .inputOutput
            }
        self.init(code, error.description)
    }
}

extension CompletionCode {
    package init(_ cause: ImageError.Cause) {
        self =
            switch cause {
            case .unsupportedScheme, .malformedURL: .invalid
            case .notFound: .notFound
            case .isDirectory: .isDirectory
            case .empty: .empty
            case .unreadable, .forbidden: .forbidden
            case .hostNotFound: .hostNotFound
            case .connectionRefused: .connectionRefused
            case .unreachable: .unreachable
            case .addressNotAllowed: .addressNotAllowed
            case .timedOut: .timedOut
            case .untrustedCertificate: .untrustedCertificate
            case .tlsFailed: .tlsFailed
            case .wrongCredentials: .wrongCredentials
            case .gone: .gone
            case .rangeNotSupported: .rangeNotSupported
            case .lengthUnknown: .lengthUnknown
            case .wrongLength: .wrongLength
            case .changed: .changed
            case .redirected: .redirected
            case .truncated: .truncated
            case .serverError: .serverError
            case .writeNotSupported: .readOnly
            case .cancelled: .cancelled
            }
    }
}
