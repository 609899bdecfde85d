package import VirtualMedia

/// What an image's URL names, checked once, before anything is opened.
///
/// A URL never carries a secret from here on: embedded credentials are refused, and ``shown`` leaves
/// out the query, where signed links keep their tokens.
package enum ImageLocation: Equatable, Sendable {
    case https(HTTPSLocation)
    case smb(SMBLocation)
    /// A local path; from `file://` already percent-decoded.
    case file(path: String)

    /// Longer URLs are refused: no server takes them, and logs need a bound.
    package static let maximumURLBytes = 8192

    /// - Throws: ``ImageError/Cause/unsupportedScheme`` and ``ImageError/Cause/malformedURL``; the
    ///   message says what is wrong without repeating the text, which may hold a password.
    package init(_ text: String) throws(ImageError) {
        guard !text.isEmpty else { throw ImageError(.malformedURL, "the image's URL is empty") }
        guard text.utf8.count <= Self.maximumURLBytes else {
            throw ImageError(.malformedURL, "the URL is longer than \(Self.maximumURLBytes) bytes")
        }
        guard !text.utf8.contains(0) else { throw ImageError(.malformedURL, "the URL holds a NUL byte") }
        guard let separator = text.firstRange(of: "://") else {
            // Windows paths and `host:/export` are no local paths either, but only opening can tell.
            self = .file(path: text)
            return
        }
        let rest = text[separator.upperBound...]
        switch text[..<separator.lowerBound].lowercased() {
        case "https": self = .https(try HTTPSLocation(afterScheme: rest))
        case "smb": self = .smb(try SMBLocation(afterScheme: rest))
        case "file": self = .file(path: try Self.path(ofFileURL: rest))
        case "http":
            throw ImageError(
                .unsupportedScheme, "plain http:// can be read and changed on its way: use https://")
        case let scheme where scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }):
            throw ImageError(.unsupportedScheme, "\(scheme):// is not supported: use https://")
        default: throw ImageError(.malformedURL, "the URL's scheme has characters that no scheme has")
        }
    }

    private static func path(ofFileURL rest: Substring) throws(ImageError) -> String {
        guard let slash = rest.firstIndex(of: "/") else {
            throw ImageError(.malformedURL, "a file:// URL needs an absolute path: file:///srv/image.iso")
        }
        guard ["", "localhost"].contains(rest[..<slash].lowercased()) else {
            throw ImageError(.malformedURL, "a file:// URL cannot name another host")
        }
        guard let path = PercentEncoding.decoded(rest[slash...]), !path.utf8.contains(0) else {
            throw ImageError(.malformedURL, "the path has a % that is not followed by two hex digits")
        }
        return path
    }
}

/// An `https` URL in its parts (RFC 3986 §3), without user information and fragment.
package struct HTTPSLocation: Equatable, Sendable {
    /// Lower case; an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// As given, with the query: what the request line will say.
    package let target: String
    private let isIPv6: Bool

    /// For curl. Holds the query, so it is not for messages.
    package var url: String { "https://\(authority)\(target)" }
    /// For messages: without the query.
    package var shown: String {
        let path = target.prefix { $0 != "?" }
        return "https://\(authority)\(path)" + (path.count < target.count ? "?…" : "")
    }
    /// For messages about the server rather than the image.
    package var server: String { authority }

    private var authority: String {
        (isIPv6 ? "[\(host)]" : host) + (port == 443 ? "" : ":\(port)")
    }

    init(afterScheme text: Substring) throws(ImageError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw ImageError(
                .malformedURL, "the URL holds a space, a backslash or a non-ASCII character: escape it with %"
            )
        }
        guard !text.contains("#") else {
            throw ImageError(.malformedURL, "the URL has a fragment: a # in a file name is written %23")
        }
        let authority = text.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else {
            throw ImageError(
                .malformedURL,
                "the URL holds user information: give user and password separately, not in the URL")
        }
        (host, port, isIPv6) = try Self.hostAndPort(authority, usualPort: 443)
        target = String(text[authority.endIndex...])
        guard target.hasPrefix("/"), target != "/" else {
            throw ImageError(.malformedURL, "the URL names a server but no image on it")
        }
        guard PercentEncoding.decoded(target[...]) != nil else {
            throw ImageError(.malformedURL, "the URL has a % that is not followed by two hex digits")
        }
        guard !target.prefix(while: { $0 != "?" }).hasSuffix("/") else {
            throw ImageError(.isDirectory, "\(shown) names a directory: add the image's file name")
        }
    }

    static func hostAndPort(_ authority: Substring, usualPort: UInt16) throws(ImageError) -> (
        String, UInt16, Bool
    ) {
        var rest = authority
        let host: Substring
        let isIPv6 = rest.first == "["
        if isIPv6 {
            guard let end = rest.firstIndex(of: "]") else {
                throw ImageError(.malformedURL, "the URL's [ has no ]")
            }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest[host.endIndex...]
        }
        let isHostCharacter: (Character) -> Bool = {
            $0.isLetter || $0.isNumber || (isIPv6 ? $0 == ":" || $0 == "." : "-._".contains($0))
        }
        guard !host.isEmpty, host.allSatisfy(isHostCharacter) else {
            throw ImageError(.malformedURL, "the URL's host name is empty or has characters no host name has")
        }
        if rest.isEmpty || rest == ":" { return (host.lowercased(), usualPort, isIPv6) }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.allSatisfy(\.isNumber), let port = UInt16(digits), port > 0 else {
            throw ImageError(.malformedURL, "the URL's port is not a number from 1 to 65535")
        }
        return (host.lowercased(), port, isIPv6)
    }
}

enum PercentEncoding {
    /// - Returns: `nil` when a `%` is not followed by two hexadecimal digits.
    static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2,
                digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest.removeFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
