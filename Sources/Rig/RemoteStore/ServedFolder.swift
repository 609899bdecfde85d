package import HTTPRanges

/// Images by name that somebody else keeps.
package protocol ServedFolder: Sendable {
    /// Opens one anew for each request; may block.
    ///
    /// - Parameter name: One component of a path, neither "." nor "..".
    func open(_ name: String) -> Result<any ServedFile, ServedFailure>
}

/// An image of such a folder, for the time of one request.
package protocol ServedFile: Sendable {
    var subject: ImageResponse.Subject { get }

    /// Fills `buffer`; may block.
    ///
    /// - Returns: whether all of it is there.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool

    /// Overwrites those bytes that the last write replaced with what was there before it.
    func copyEarlier(to buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
}

/// Why an image is not served.
package enum ServedFailure: Error, Equatable, Sendable {
    case missing, forbidden, unavailable, broken

    var status: Int {
        switch self {
        case .missing: 404
        case .forbidden: 403
        case .unavailable: 503
        case .broken: 500
        }
    }
}
