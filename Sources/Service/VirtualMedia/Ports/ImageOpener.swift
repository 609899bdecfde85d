package import BlockStorage

/// Opens what a URL names, as a store.
package protocol ImageOpener: Sendable {
    func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore
}

package struct ImageRequest: Sendable {
    package var url: String
    package var credentials: Credentials?
    package var isReadWrite: Bool
    /// PEM: who may vouch for the server, instead of those that the BMC trusts; `nil` for those.
    package var authorities: String?
    /// Whether a server may have one of this machine's own addresses; see ``IPAddresses``.
    package var allowsLocalAddresses = true
    /// For everything up to the first byte; later reads have the limit of the slot.
    package var timeout: Duration
    /// Is told why a later read failed: to the host that is an I/O error, whatever the cause.
    package var readFailed: @Sendable (ImageError) -> Void

    package init(
        url: String, credentials: Credentials?, isReadWrite: Bool, authorities: String? = nil,
        timeout: Duration,
        readFailed: @escaping @Sendable (ImageError) -> Void = { _ in }
    ) {
        self.readFailed = readFailed
        self.url = url
        self.credentials = credentials
        self.isReadWrite = isReadWrite
        self.authorities = authorities
        self.timeout = timeout
    }
}

/// User and password. Never printed; the memory is wiped with the last reference.
package final class Credentials: Sendable {
    private let user: [UInt8]
    nonisolated(unsafe) private let password: UnsafeMutableBufferPointer<UInt8>

    package init(user: [UInt8], password: [UInt8]) {
        self.user = user
        self.password = .allocate(capacity: max(1, password.count))
        self.password.initialize(repeating: 0)
        _ = UnsafeMutableBufferPointer(rebasing: self.password[..<password.count]).update(
            fromContentsOf: password)
        passwordByteCount = password.count
    }

    private let passwordByteCount: Int

    deinit {
        // Volatile in effect: `password` escapes through deallocate, and the loop is not elided
        // because `update` writes through a pointer that the allocator sees.
        password.update(repeating: 0)
        password.deallocate()
    }

    package var userName: String { String(decoding: user, as: UTF8.self) }

    /// Lends the password; do not keep what the closure is given.
    package func withPassword<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows
        -> Result
    {
        try body(UnsafeBufferPointer(rebasing: password[..<passwordByteCount]))
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<credentials>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why an image could not be opened or read. Each cause has its own completion code and, later,
/// its own Redfish message; the text never holds a secret.
package struct ImageError: Error, Equatable, Sendable {
    package enum Cause: String, Sendable, CaseIterable {
        case unsupportedScheme, malformedURL
        case notFound, isDirectory, empty, unreadable
        case hostNotFound, connectionRefused, unreachable, addressNotAllowed, timedOut
        case untrustedCertificate, tlsFailed
        case wrongCredentials, forbidden, gone
        case rangeNotSupported, lengthUnknown, wrongLength, changed, redirected, truncated
        case serverError, writeNotSupported, cancelled
    }
    package let cause: Cause
    /// Lower case, no full stop: what was found, and what to do about it.
    package let message: String

    package init(_ cause: Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }
}

extension ImageError: CustomStringConvertible {
    package var description: String { message }
}
