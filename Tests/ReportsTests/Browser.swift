import TestSupport

/// Debian's chromium, without a window and without the network.
enum Browser {
    static let options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=2000",
    ]

    /// - Returns: the page's elements after its script ran, and what the browser complained of.
    static func load(_ file: String, profile: TemporaryFolder) async throws -> ForeignProgram.Result {
        try await ForeignProgram(
            "chromium",
            options + ["--user-data-dir=\(profile.file("profile"))", "--dump-dom", "file://\(file)"]
        ).run(within: 120)
    }
}
