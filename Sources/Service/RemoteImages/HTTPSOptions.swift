/// Limits and trust for images over HTTPS. Times are wall time; sizes are bytes.
package struct HTTPSOptions: Sendable {
    /// PEM file with the certificates to trust, instead of the system's.
    package var caFile: String?
    /// Folder with hashed certificates (`openssl rehash`), instead of the system's.
    package var caDirectory: String?
    /// PEM text with the certificates to trust, instead of all others.
    package var authorities: String?
    /// Whether a server may have one of this machine's own addresses, whatever its name is.
    package var allowsLocalAddresses = true
    /// Name look-up, TCP and TLS together.
    package var connectTimeout = Duration.seconds(10)
    /// One request with its body.
    package var requestTimeout = Duration.seconds(20)
    /// Longest silence within a request, once connected.
    package var stallTimeout = Duration.seconds(8)
    /// A host's read with all its retries. Below the 25 s after which the kernel's nbd gives up on us.
    package var readTimeout = Duration.seconds(20)
    package var fetching = FetchLimits()

    package init(caFile: String? = nil, caDirectory: String? = nil) {
        self.caFile = caFile
        self.caDirectory = caDirectory
    }
}

/// How much of a remote image is asked for at once, kept and read ahead.
package struct FetchLimits: Equatable, Sendable {
    /// Unit of the cache; a random read costs this much.
    package var blockBytes = 128 << 10
    /// Longest range of one request, in blocks.
    package var blocksPerRequest = 8
    /// All memory for image bytes, in blocks.
    package var cachedBlocks = 128
    /// Threads, each with one connection.
    package var connections = 4
    /// Sequential readers that are told apart.
    package var streams = 4

    package init() {}

    var isSound: Bool {
        blockBytes >= 512 && blocksPerRequest > 0 && connections > 0 && streams > 0
            && cachedBlocks >= 2 * connections * blocksPerRequest
    }
}
