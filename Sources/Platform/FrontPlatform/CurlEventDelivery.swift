import CCurl
package import RedfishServer
import Threads

/// Sends events with libcurl, each over a connection and on a thread of its own: they are few, and a subscriber
/// that does not answer holds up nobody else.
package struct CurlEventDelivery: EventDelivery {
    /// One delivery with everything that belongs to it.
    package static let timeout = Duration.seconds(10)

    private let authorityFile: String?
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK

    /// - Parameter authorityFile: PEM with the certificates to trust, instead of the system's.
    package init(authorityFile: String? = nil) { self.authorityFile = authorityFile }

    package func post(_ push: EventPush) async -> Bool {
        let authorityFile = self.authorityFile
        return await BlockingThread.value("event") { Self.send(push, authorityFile) } ?? false
    }

    private static func send(_ push: EventPush, _ authorityFile: String?) -> Bool {
        precondition(isReady, "libcurl cannot be initialised")
        guard let easy = curl_easy_init() else { return false }
        defer { curl_easy_cleanup(easy) }
        var lines: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(lines) }
        // "Expect:" keeps libcurl from waiting for a 100 that few servers send.
        for line in ["Content-Type: application/json", "OData-Version: 4.0", "Expect:"]
            + push.headers.map({ "\($0.name): \($0.value)" })
        {
            guard let longer = curl_slist_append(lines, line) else { return false }
            lines = longer
        }
        var isSet = true
        func set(_ option: CURLoption, _ text: String) {
            isSet = ccurl_set_string(easy, option, text) == CURLE_OK && isSet
        }
        func set(_ option: CURLoption, _ number: Int) {
            isSet = ccurl_set_long(easy, option, number) == CURLE_OK && isSet
        }
        set(CURLOPT_URL, push.destination)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        // A proxy out of the environment would read the events.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_SSL_VERIFYPEER, push.verifiesCertificate ? 1 : 0)
        set(CURLOPT_SSL_VERIFYHOST, push.verifiesCertificate ? 2 : 0)
        if let authorityFile { set(CURLOPT_CAINFO, authorityFile) }
        set(CURLOPT_TIMEOUT_MS, Int(timeout / .milliseconds(1)))
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_USERAGENT, "MediaRig")
        set(CURLOPT_POST, 1)
        set(CURLOPT_POSTFIELDSIZE, push.body.count)
        _ = ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, lines)
        _ = ccurl_set_data_function(easy, CURLOPT_WRITEFUNCTION, discard)
        guard isSet else { return false }
        return push.body.withUnsafeBytes { body in
            _ = ccurl_set_pointer(
                easy, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
            guard curl_easy_perform(easy) == CURLE_OK else { return false }
            var status = 0
            return ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK
                && (200..<300).contains(status)
        }
    }

    private static let discard: ccurl_data_function = { _, size, count, _ in size * count }
}
