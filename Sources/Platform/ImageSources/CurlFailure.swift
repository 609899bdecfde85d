import CCurl
import Glibc
internal import RemoteImages

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

extension TransferFault {
    /// - Parameter result: Any code but `CURLE_OK` and those that our own callbacks cause.
    init(_ result: CurlResult) {
        self =
            switch result.code {
            case CURLE_COULDNT_RESOLVE_HOST: .hostNotFound
            case CURLE_COULDNT_CONNECT: Self.notConnected(result.errno)
            case CURLE_OPERATION_TIMEDOUT: result.isConnected ? .requestTimeout : .connectTimeout
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR:
                .untrusted(CertificateFault(verifyResult: result.verifyResult))
            case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM: .unreadableTrust
            case CURLE_SSL_CLIENTCERT: .tlsFailed("the server asks for a client certificate")
            case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED:
                .tlsFailed(result.text)
            case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .connectionEnded
            default: .notHTTP(String(cString: curl_easy_strerror(result.code)))
            }
    }

    private static func notConnected(_ errno: CInt) -> TransferFault {
        switch errno {
        case ECONNREFUSED: .connectionRefused
        case ETIMEDOUT: .noAnswerToConnection
        case 0: .unreachable(reason: nil)
        default: .unreachable(reason: String(cString: strerror(errno)))
        }
    }
}

extension CertificateFault {
    /// Numbers as in OpenSSL's x509_vfy.h; curl, which compares names itself and first, leaves 1 (or 0)
    /// when it is the name that does not fit.
    init(verifyResult: Int) {
        self =
            switch verifyResult {
            case 0, 1, 62, 63, 64: .wrongName
            case 9: .notYetValid
            case 10: .expired
            case 18: .selfSigned
            case 19: .untrustedRoot
            case 2, 20, 21: .unknownAuthority
            case 23: .revoked
            default: .other(verifyResult)
            }
    }
}
