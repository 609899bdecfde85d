internal import VirtualMedia

/// Judges the head of a response to a range request, before any byte of its body is believed.
///
/// A server that ignores ranges sends the image from its start, and that is data for another place:
/// the commonest way to silent corruption. So nothing but a 206 that repeats the very range that was
/// asked for is taken (RFC 9110 §15.3.7).
package struct RangeResponseCheck: Sendable {
    let location: HTTPSLocation
    let hadCredentials: Bool

    package init(location: HTTPSLocation, hadCredentials: Bool) {
        self.location = location
        self.hadCredentials = hadCredentials
    }

    /// What the first answer, to `bytes=0-0`, says of the image.
    package enum Probe: Equatable, Sendable {
        case image(ImageIdentity)
        /// Ranges work, but the size has to be asked for otherwise.
        case sizeUnknown(entityTag: String?, lastModified: String?)
    }

    package func probe(_ head: ResponseHead) throws(FetchFailure) -> Probe {
        switch head.status {
        case 206: break
        case 200:
            guard head.contentLength != 0 else { throw empty }
            throw rangesIgnored
        case 416:
            if head.value("content-range").flatMap(ContentRange.init)?.completeBytes == 0 { throw empty }
            throw refusedRange
        default: throw .status(head, of: location, hadCredentials: hadCredentials)
        }
        let found = try contentRange(head, asked: 0..<1)
        let entityTag = head.value("etag")
        let lastModified = head.value("last-modified")
        guard let byteCount = found.completeBytes else {
            return .sizeUnknown(entityTag: entityTag, lastModified: lastModified)
        }
        return .image(
            ImageIdentity(byteCount: byteCount, entityTag: entityTag, lastModified: lastModified))
    }

    /// The size from the answer to a HEAD, where the first answer left it open.
    package func size(_ head: ResponseHead) throws(FetchFailure) -> UInt64 {
        guard head.status == 200, let length = head.contentLength, head.value("content-encoding") == nil
        else {
            throw FetchFailure(
                .lengthUnknown,
                "\(location.shown): the server does not say how long the image is: no complete length in "
                    + "Content-Range, no Content-Length")
        }
        guard length > 0 else { throw empty }
        return length
    }

    /// - Throws: unless the body will be exactly `range` of the image that was opened.
    package func accept(_ head: ResponseHead, range: Range<UInt64>, of identity: ImageIdentity)
        throws(FetchFailure)
    {
        switch head.status {
        case 206: break
        case 200:
            try checkUnchanged(identity, head, byteCount: head.contentLength)
            throw rangesIgnored
        case 412:
            throw changed("the server says that it is no longer the one that was opened (412)")
        case 416:
            let now = head.value("content-range").flatMap(ContentRange.init)?.completeBytes
            if let now, now != identity.byteCount {
                throw changed("its size was \(identity.byteCount) bytes and is \(now)")
            }
            throw refusedRange
        default: throw .status(head, of: location, hadCredentials: hadCredentials)
        }
        let found = try contentRange(head, asked: range)
        try checkUnchanged(identity, head, byteCount: found.completeBytes)
    }

    private func contentRange(_ head: ResponseHead, asked: Range<UInt64>) throws(FetchFailure) -> ContentRange
    {
        if let encoding = head.value("content-encoding"), encoding.lowercased() != "identity" {
            throw FetchFailure(
                .rangeNotSupported,
                "\(location.shown): the server sends it encoded (Content-Encoding: \(encoding)), so ranges "
                    + "do not address its bytes: turn compression off for images")
        }
        guard let text = head.value("content-range") else {
            throw wrongLength("a part without Content-Range came (206)")
        }
        guard let found = ContentRange(text), let range = found.range else {
            throw wrongLength("Content-Range is malformed: \(text.prefix(80))")
        }
        guard range == asked else {
            throw wrongLength(
                "bytes \(asked.lowerBound)-\(asked.upperBound - 1) were asked for, Content-Range says \(text.prefix(80))"
            )
        }
        if let text = head.value("content-length"), decimal(text) != UInt64(asked.count) {
            throw wrongLength("\(asked.count) bytes were asked for, Content-Length says \(text.prefix(80))")
        }
        return found
    }

    private func checkUnchanged(_ identity: ImageIdentity, _ head: ResponseHead, byteCount: UInt64?)
        throws(FetchFailure)
    {
        if let difference = identity.difference(from: head, byteCount: byteCount) {
            throw changed(difference)
        }
    }

    private func changed(_ difference: String) -> FetchFailure {
        FetchFailure(
            .changed,
            "\(location.shown): the image changed while in use: \(difference): eject and insert it again")
    }

    private func wrongLength(_ what: String) -> FetchFailure {
        FetchFailure(.wrongLength, "\(location.shown): \(what): the server or a proxy breaks range requests")
    }

    private var rangesIgnored: FetchFailure {
        FetchFailure(
            .rangeNotSupported,
            "\(location.shown): the server ignores range requests (200): serve the image from one that "
                + "supports them, such as nginx or Apache")
    }

    private var refusedRange: FetchFailure {
        FetchFailure(
            .rangeNotSupported,
            "\(location.shown): the server refuses a range that lies inside the image (416)")
    }

    private var empty: FetchFailure {
        FetchFailure(.empty, "\(location.shown): the image is empty: check that its upload was finished")
    }
}
