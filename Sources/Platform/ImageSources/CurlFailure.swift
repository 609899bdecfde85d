import CCurl
import Glibc
internal import RemoteImages
internal import VirtualMedia

/// What libcurl reports when a transfer does not end well, as plain values.
struct CurlResult: Equatable, Sendable {
    var code: CURLcode
    /// `CURLINFO_OS_ERRNO`.
    var errno: CInt = 0
    /// `CURLINFO_SSL_VERIFYRESULT`: one of OpenSSL's X509_V_ERR numbers, 0 when the chain is good.
    var verifyResult: Int = 0
    /// Whether TCP and TLS were up.
    var isConnected = false
    /// curl's own sentence. Used only where it cannot hold a URL or a header.
    var text = ""

    init(code: CURLcode) { self.code = code }
}

extension FetchFailure {
    /// - Parameter result: Any code but `CURLE_OK` and those that our own callbacks cause.
    static func transfer(_ result: CurlResult, of location: HTTPSLocation, options: HTTPSOptions)
        -> FetchFailure
    {
        let server = location.server
        switch result.code {
        case CURLE_COULDNT_RESOLVE_HOST:
            return FetchFailure(
                .hostNotFound, "\(location.host): no such host: check the name, and the name server (DNS)",
                .unavailable)
        case CURLE_COULDNT_CONNECT:
            return notConnected(result, server)
        case CURLE_OPERATION_TIMEDOUT:
            return FetchFailure(
                .timedOut,
                result.isConnected
                    ? "\(server): no complete answer within \(options.requestTimeout)"
                    : "\(server): no connection within \(options.connectTimeout): check address, port and firewall",
                .unavailable)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR:
            return untrusted(result, location, options)
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM:
            return FetchFailure(
                .untrustedCertificate,
                "\(server): the trusted certificates cannot be read from \(options.caFile ?? options.caDirectory ?? "the system's folder")"
            )
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED:
            return FetchFailure(
                .tlsFailed,
                "\(server): no TLS connection (at least TLS 1.2 is asked for): \(result.text)", .unavailable)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            return FetchFailure(
                .truncated, "\(location.shown): the connection ended before the answer was complete",
                .connectionLost)
        default:
            return FetchFailure(
                .serverError,
                "\(location.shown): no HTTP that can be understood: \(String(cString: curl_easy_strerror(result.code)))"
            )
        }
    }

    private static func notConnected(_ result: CurlResult, _ server: String) -> FetchFailure {
        switch result.errno {
        case ECONNREFUSED:
            return FetchFailure(
                .connectionRefused, "\(server): connection refused: check the port, and that the server runs",
                .unavailable)
        case ETIMEDOUT:
            return FetchFailure(
                .timedOut, "\(server): no answer to the connection: check address and firewall", .unavailable)
        default:
            let reason = result.errno == 0 ? "" : " (\(String(cString: strerror(result.errno))))"
            return FetchFailure(
                .unreachable, "\(server): cannot be reached\(reason): check network and routes", .unavailable)
        }
    }

    /// Which rule of X.509 the server's certificate breaks, in words that name the remedy. Numbers as
    /// in OpenSSL's x509_vfy.h; curl, which compares names itself and
    /// first, leaves 1 (or 0) when it is the name that does not fit.
    private static func untrusted(_ result: CurlResult, _ location: HTTPSLocation, _ options: HTTPSOptions)
        -> FetchFailure
    {
        let trust = options.caFile ?? options.caDirectory ?? "the system's certificates"
        let what =
            switch result.verifyResult {
            case 0, 1, 62, 63, 64: "is not for the name \(location.host): use the name it was issued for"
            case 9: "is not valid yet: check this machine's clock"
            case 10: "has expired: renew it, and check this machine's clock"
            case 18: "is self-signed: trust it explicitly, or get one from a trusted authority"
            case 19: "comes from an authority that is not trusted (self-signed root): add it to \(trust)"
            case 2, 20, 21: "comes from an unknown authority: add it to \(trust)"
            case 23: "was revoked"
            case let number: "is not acceptable (X.509 verification error \(number))"
            }
        return FetchFailure(.untrustedCertificate, "\(location.server): the server's certificate \(what)")
    }
}
