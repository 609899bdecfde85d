internal import VirtualMedia

extension FetchFailure {
    /// Longest `Retry-After` that is believed; the request's deadline cuts it further.
    static let maximumRetryAfter = Duration.seconds(60)

    /// Any status that is no answer to a range request, except 200, 206, 412 and 416, which need the
    /// request to be judged.
    static func status(_ head: ResponseHead, of location: HTTPSLocation, hadCredentials: Bool)
        -> FetchFailure
    {
        let shown = location.shown
        switch head.status {
        case 300..<400:
            return FetchFailure(
                .redirected,
                "\(shown): the server redirects (\(head.status))\(target(of: head)); redirects are not "
                    + "followed: give the final URL")
        case 401:
            return unauthorised(head, shown, hadCredentials: hadCredentials)
        case 403:
            return FetchFailure(
                .forbidden,
                "\(shown): access denied (403): the server knows you but does not allow this image")
        case 404:
            return FetchFailure(.notFound, "\(shown): no such image on the server (404): check the path")
        case 410:
            return FetchFailure(.gone, "\(shown): the image was removed from the server (410)")
        case 408, 429, 500...599:
            let retryAfter = head.value("retry-after").flatMap(decimal)
                .map { min(Duration.seconds(Int64(min($0, 86_400))), maximumRetryAfter) }
            // 501 and 505 say that the server never will.
            let isFinal = head.status == 501 || head.status == 505
            return FetchFailure(
                .serverError, "\(shown): the server failed with status \(head.status): see the server's log",
                isFinal ? .permanent : .busy(retryAfter: retryAfter))
        default:
            return FetchFailure(
                .serverError, "\(shown): the server answered with status \(head.status), which is no image")
        }
    }

    private static func unauthorised(_ head: ResponseHead, _ shown: String, hadCredentials: Bool)
        -> FetchFailure
    {
        let schemes = head.value("www-authenticate") ?? ""
        let offersBasic = schemes.isEmpty || schemes.lowercased().contains("basic")
        guard offersBasic else {
            return FetchFailure(
                .wrongCredentials,
                "\(shown): the server asks for an authentication other than Basic (401), which is not supported"
            )
        }
        return FetchFailure(
            .wrongCredentials,
            hadCredentials
                ? "\(shown): user or password is wrong (401)"
                : "\(shown): the server asks for user and password (401): none were given")
    }

    /// The target's query may hold a token, and its path is the server's business.
    private static func target(of head: ResponseHead) -> String {
        guard let location = head.value("location"), case .https(let target)? = try? ImageLocation(location)
        else { return "" }
        return " to the server \(target.server)"
    }
}
