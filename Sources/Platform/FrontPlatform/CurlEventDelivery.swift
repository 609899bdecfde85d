package import RedfishServer

/// Posts events by libcurl, each on a thread of its own for as long as it takes.
package struct CurlEventDelivery: EventDelivery {
    /// One delivery with everything that belongs to it.
    package static let timeout = Duration.seconds(10)

    private let authorityFile: String?

    /// - Parameter authorityFile: PEM with the certificates to trust, instead of the system's.
    package init(authorityFile: String? = nil) { self.authorityFile = authorityFile }

    package func post(_ push: EventPush) async -> Bool {
        var request = CurlRequest(push.destination)
        request.headers =
            [("Content-Type", "application/json"), ("OData-Version", "4.0")] + push.headers
        request.body = push.body
        request.timeout = Self.timeout
        if !push.verifiesCertificate {
            request.trust = .anybody
        } else if let authorityFile {
            request.trust = .file(authorityFile)
        }
        // What a subscriber says besides is of no interest; who says too much has not understood.
        do throws(CurlRequest.Failure) {
            return (200..<300).contains(try await request.send().status)
        } catch { return false }
    }
}
