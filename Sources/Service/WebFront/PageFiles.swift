import FrontPage
package import HTTPTypes

/// The web page: a handful of files that are part of this program, each at one path.
package struct PageFiles: Sendable {
    private struct File: Sendable {
        let bytes: [UInt8]
        let mediaType: String
        let entityTag: String
    }

    /// Where everything but the page itself stands.
    static let folder = "/page/"

    private let files = Self.all

    package init() {}

    /// Shared by all fronts of a process.
    private static let all: [String: File] = {
        var found: [String: File] = [:]
        var start: UnsafePointer<FrontPageFile>?
        let count = withUnsafeMutablePointer(to: &start) { pointer in
            pointer.withMemoryRebound(to: UnsafePointer<FrontPageFile>.self, capacity: 1) {
                Int(FrontPageFiles($0))
            }
        }
        for file in UnsafeBufferPointer(start: start, count: count) {
            let name = String(cString: file.name)
            let bytes = Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.byteCount)))
            let path = name == "index.html" ? "/" : folder + name
            found[path] = File(
                bytes: bytes, mediaType: mediaType(of: name), entityTag: entityTag(of: bytes))
        }
        return found
    }()

    package var paths: [String] { files.keys.sorted() }

    /// - Returns: `nil` for a path that is none of the page's.
    package func answer(_ request: HTTPRequest) -> WebAnswer? {
        let path = String((request.path ?? "").prefix { $0 != "?" && $0 != "#" })
        guard path == "/" || path.hasPrefix(Self.folder) else { return nil }
        guard let file = files[path] else { return Self.text(.notFound, "There is nothing here.\n") }
        guard request.method == .get || request.method == .head else {
            var answer = Self.text(.methodNotAllowed, "The page can only be read.\n")
            answer.head.headerFields[.allow] = "GET, HEAD"
            return answer
        }
        let isKnown = Self.names(file.entityTag, in: request.headerFields[.ifNoneMatch])
        var head = Self.head(isKnown ? .notModified : .ok)
        head.headerFields[.eTag] = file.entityTag
        guard !isKnown else { return WebAnswer(head) }
        head.headerFields[.contentType] = file.mediaType
        // The server leaves the body of an answer to HEAD out, and counts it.
        return WebAnswer(head, body: .bytes(file.bytes))
    }

    private static func mediaType(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }

    /// The same as long as the bytes are (FNV-1a of 64 bits): it guards against an old copy, not against anybody.
    static func entityTag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return "\"\(String(hash, radix: 16))-\(bytes.count)\""
    }

    /// If-None-Match: a list of tags, weak or not, or "*" (RFC 9110 §13.1.2).
    private static func names(_ tag: String, in list: String?) -> Bool {
        (list ?? "").split(separator: ",").contains { one in
            let one = one.filter { $0 != " " }
            return one == "*" || one == tag || one == "W/" + tag
        }
    }

    // MARK: What a browser is told

    /// Nothing but our own files: no script or style in the page itself, nothing from elsewhere, no frame around it.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types page-workers",
    ].joined(separator: "; ")

    private static func head(_ status: HTTPResponse.Status) -> HTTPResponse {
        var head = HTTPResponse(status: status)
        head.headerFields[.contentSecurityPolicy] = contentSecurityPolicy
        head.headerFields[.xContentTypeOptions] = "nosniff"
        head.headerFields[HTTPField.Name("X-Frame-Options")!] = "DENY"
        head.headerFields[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        head.headerFields[HTTPField.Name("Cross-Origin-Opener-Policy")!] = "same-origin"
        head.headerFields[HTTPField.Name("Cross-Origin-Resource-Policy")!] = "same-origin"
        head.headerFields[HTTPField.Name("Permissions-Policy")!] =
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        // Kept, but asked for each time: after an update of the BMC nobody runs half of the old page.
        head.headerFields[.cacheControl] = "no-cache"
        return head
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> WebAnswer {
        var head = head(status)
        head.headerFields[.contentType] = "text/plain; charset=utf-8"
        return WebAnswer(head, body: .bytes(Array(text.utf8)))
    }
}
