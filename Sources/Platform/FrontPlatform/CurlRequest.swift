import CCurl
import Threads

/// One HTTP request by libcurl, on a thread of its own: for what happens now and then.
package struct CurlRequest: Sendable {
    package enum Trust: Sendable {
        /// What this system trusts.
        case system
        /// The certificates in this PEM file only.
        case file(String)
        /// These authorities only, PEM.
        case authorities([UInt8])
        /// Anybody.
        case anybody
    }

    package struct Answer: Sendable {
        package var status: Int
        package var body: [UInt8]
    }

    /// There was no answer; lower case, no full stop.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package var url: String
    package var headers: [(name: String, value: String)] = []
    /// Sent with POST; without one it is a GET.
    package var body: [UInt8]?
    package var trust = Trust.system
    /// For everything that belongs to it.
    package var timeout = Duration.seconds(10)
    /// A longer answer is a failure.
    package var maximumAnswerBytes = 1 << 20

    package init(_ url: String) { self.url = url }

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK

    package func send() async throws(Failure) -> Answer {
        let result = await BlockingThread.value("curl") { Result { () throws(Failure) in try perform() } }
        guard let result else { throw Failure(description: "the system has no thread left for a request") }
        return try result.get()
    }

    private func perform() throws(Failure) -> Answer {
        precondition(Self.isReady, "libcurl cannot be initialised")
        guard let easy = curl_easy_init() else { throw Failure(description: "no memory for a request") }
        defer { curl_easy_cleanup(easy) }
        var lines: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(lines) }
        // "Expect:" keeps libcurl from waiting for a 100 that few servers send.
        for line in ["Expect:"] + headers.map({ "\($0.name): \($0.value)" }) {
            guard let longer = curl_slist_append(lines, line) else {
                throw Failure(description: "no memory for a request")
            }
            lines = longer
        }
        let received = Received(limit: maximumAnswerBytes)
        try prepare(easy, lines, received)
        let result = withBody(of: easy) { curl_easy_perform(easy) }
        guard result == CURLE_OK else {
            throw Failure(description: String(cString: curl_easy_strerror(result)).lowercased())
        }
        var status = 0
        guard ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK else {
            throw Failure(description: "no status")
        }
        return Answer(status: status, body: received.bytes)
    }

    private func prepare(
        _ easy: UnsafeMutableRawPointer, _ lines: UnsafeMutablePointer<curl_slist>?, _ received: Received
    ) throws(Failure) {
        var isSet = true
        func set(_ option: CURLoption, _ text: String) {
            isSet = ccurl_set_string(easy, option, text) == CURLE_OK && isSet
        }
        func set(_ option: CURLoption, _ number: Int) {
            isSet = ccurl_set_long(easy, option, number) == CURLE_OK && isSet
        }
        set(CURLOPT_URL, url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        // A proxy out of the environment would read everything.
        set(CURLOPT_PROXY, "")
        switch trust {
        case .system: break
        case .file(let path): set(CURLOPT_CAINFO, path)
        case .authorities(var pem):
            isSet =
                pem.withUnsafeMutableBytes {
                    ccurl_set_copied_blob(easy, CURLOPT_CAINFO_BLOB, $0.baseAddress, $0.count)
                } == CURLE_OK && isSet
        case .anybody:
            set(CURLOPT_SSL_VERIFYPEER, 0)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
        set(CURLOPT_TIMEOUT_MS, Int(timeout / .milliseconds(1)))
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_USERAGENT, "MediaRig")
        if let body {
            set(CURLOPT_POST, 1)
            set(CURLOPT_POSTFIELDSIZE, body.count)
        }
        _ = ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, lines)
        _ = ccurl_set_data_function(easy, CURLOPT_WRITEFUNCTION, Self.store)
        _ = ccurl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(received).toOpaque())
        guard isSet else { throw Failure(description: "libcurl does not take the request") }
    }

    private func withBody<Result>(of easy: UnsafeMutableRawPointer, _ body: () -> Result) -> Result {
        guard let bytes = self.body else { return body() }
        return bytes.withUnsafeBytes { bytes in
            // libcurl takes a null pointer for "read it from somewhere else".
            let start = bytes.baseAddress ?? UnsafeRawPointer(Self.nothing)
            _ = ccurl_set_pointer(easy, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: start))
            return body()
        }
    }

    nonisolated(unsafe) private static let nothing = UnsafeMutableRawPointer.allocate(
        byteCount: 1, alignment: 1)

    /// What has come of an answer. Touched by libcurl's thread alone.
    private final class Received {
        var bytes: [UInt8] = []
        let limit: Int
        init(limit: Int) { self.limit = limit }
    }

    private static let store: ccurl_data_function = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let received = Unmanaged<Received>.fromOpaque(context).takeUnretainedValue()
        let byteCount = size * count
        // Anything but the count makes libcurl give up.
        guard received.bytes.count + byteCount <= received.limit else { return 0 }
        received.bytes += UnsafeRawBufferPointer(start: bytes, count: byteCount)
        return byteCount
    }
}
