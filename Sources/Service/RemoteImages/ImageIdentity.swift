/// What tells one version of a remote image from another. Every answer is compared with the first, so
/// that two versions are never mixed.
package struct ImageIdentity: Equatable, Sendable {
    package let byteCount: UInt64
    /// As sent, quotes and all; `nil` when the server has none.
    package let entityTag: String?
    /// As sent: compared as text, never as a time.
    package let lastModified: String?

    package init(byteCount: UInt64, entityTag: String?, lastModified: String?) {
        self.byteCount = byteCount
        self.entityTag = entityTag
        self.lastModified = lastModified
    }

    /// The header that makes the server itself refuse (412) when the image is another by now
    /// (RFC 9110 §13.1.1, §13.1.4). A weak tag cannot serve: `If-Match` compares strongly.
    package var precondition: String? {
        if let entityTag, !entityTag.hasPrefix("W/") { return "If-Match: \(entityTag)" }
        if let lastModified { return "If-Unmodified-Since: \(lastModified)" }
        return nil
    }

    /// What differs between the image that was opened and the one that `head` speaks of; `nil` when
    /// nothing does. A validator that is gone counts as a difference: nothing vouches for the bytes.
    func difference(from head: ResponseHead, byteCount now: UInt64?) -> String? {
        if let now, now != byteCount { return "its size was \(byteCount) bytes and is \(now)" }
        if let entityTag, head.value("etag") != entityTag {
            return "its ETag was \(entityTag) and is \(head.value("etag") ?? "gone")"
        }
        if entityTag == nil, let lastModified, head.value("last-modified") != lastModified {
            return "its Last-Modified was \(lastModified) and is \(head.value("last-modified") ?? "gone")"
        }
        return nil
    }
}
