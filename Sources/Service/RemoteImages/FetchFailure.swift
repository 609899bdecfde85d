package import VirtualMedia

/// Why one request failed, and whether asking again could help.
package struct FetchFailure: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// The answer is an answer: asking again would only repeat it.
        case permanent
        /// The server asks for patience (408, 429, 5xx).
        case busy(retryAfter: Duration?)
        /// The connection broke; the request is a read, so repeating it is safe (RFC 9110 §9.2.2).
        case connectionLost
        /// Nobody answers: hopeless when opening, worth a wait while an image is in use.
        case unavailable
    }
    package let error: ImageError
    package let kind: Kind

    package init(_ cause: ImageError.Cause, _ message: String, _ kind: Kind = .permanent) {
        error = ImageError(cause, message)
        self.kind = kind
    }
}
