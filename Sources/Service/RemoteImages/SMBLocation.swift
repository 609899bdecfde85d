import VirtualMedia

/// An `smb` URL in its parts: `smb://host[:port]/share/folder/image.iso`. Who reads it gives user and
/// password apart.
package struct SMBLocation: Equatable, Sendable {
    package static let usualPort: UInt16 = 445

    /// Lower case; an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    package let share: String
    /// In the share, percent-decoded, without a slash at either end.
    package let path: String

    /// For messages.
    package var shown: String { "smb://\(host)/\(share)/\(path)" }

    init(afterScheme text: Substring) throws(ImageError) {
        let authority = text.prefix { $0 != "/" }
        guard !authority.contains("@") else {
            throw ImageError(
                .malformedURL,
                "the URL holds user information: give user and password separately, not in the URL")
        }
        (host, port, _) = try HTTPSLocation.hostAndPort(authority, usualPort: Self.usualPort)
        guard let decoded = PercentEncoding.decoded(text[authority.endIndex...]) else {
            throw ImageError(.malformedURL, "the URL has a % that is not followed by two hex digits")
        }
        guard !decoded.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) else {
            throw ImageError(.malformedURL, "the URL holds a backslash or a control character")
        }
        let parts = decoded.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard parts.count >= 2, let share = parts.first, !share.isEmpty, !parts.dropFirst().contains("")
        else {
            throw ImageError(
                .malformedURL, "an smb:// URL names a share and an image: smb://host/share/image.iso")
        }
        // The share is mounted for the image alone; nothing else of the machine may be reached through it.
        guard !parts.contains(".."), !parts.contains(".") else {
            throw ImageError(.malformedURL, "the URL's path has . or .. in it")
        }
        self.share = String(share)
        path = parts.dropFirst().joined(separator: "/")
    }
}
