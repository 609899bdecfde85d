/// Checks of an image URL that need no look at what is behind it.
enum ImageURLCheck {
    /// The longest URL that is taken; web servers rarely take more.
    static let maximumBytes = 4096

    /// - Returns: what is wrong with the URL, in words that do not repeat it.
    static func objection(to url: String) -> String? {
        if url.isEmpty { return "the image URL is empty" }
        if url.utf8.count > maximumBytes { return "the image URL has more than \(maximumBytes) bytes" }
        if url.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F }) {
            return "the image URL has spaces or control characters; write them as %20 and so on"
        }
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if authority.contains("@") {
            return "the image URL holds a user name; pass user and password through the pipe"
        }
        return nil
    }
}
