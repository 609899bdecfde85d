import Glibc

/// Our server and its peer, both up for the whole of a benchmark, on the same file.
struct NBDServers: ~Copyable {
    static let peerName = "nbdkit file"
    /// For a server to listen; a debug build on a busy machine takes seconds.
    private static let startSeconds = 20.0

    private let ours: ForeignRun
    private let peer: ForeignRun
    private let folder: String

    init(_ setting: BenchmarkSetting, image: String) throws {
        let folder = setting.folder
        // A peer may leave its socket behind, and would not listen on one that is there.
        unlink("\(folder)/peer.sock")
        var ours = try ForeignRun(
            [setting.ourProgram, "serve", image, "--unix", "\(folder)/ours.sock", "--read-write"],
            output: "\(folder)/ours.out")
        var peer = try ForeignRun(
            ["nbdkit", "--foreground", "--unix", "\(folder)/peer.sock", "file", image],
            output: "\(folder)/peer.out")
        try Self.awaitSocket("\(folder)/ours.sock", &ours)
        try Self.awaitSocket("\(folder)/peer.sock", &peer)
        self.folder = folder
        self.ours = ours
        self.peer = peer
    }

    func uri(ofOurs: Bool) -> String { "nbd+unix:///?socket=\(folder)/\(ofOurs ? "ours" : "peer").sock" }

    /// Does some work with one of them.
    ///
    /// - Returns: seconds it took, and the server's processor seconds.
    func measure(ours isOurs: Bool, _ body: (_ uri: String) throws -> Void) throws -> (
        seconds: Double, processorSeconds: Double
    ) {
        let processorStart = try isOurs ? ours.processorSeconds() : peer.processorSeconds()
        let start = secondsNow()
        try body(uri(ofOurs: isOurs))
        let seconds = secondsNow() - start
        let processor = try isOurs ? ours.processorSeconds() : peer.processorSeconds()
        return (seconds, processor - processorStart)
    }

    static func awaitSocket(_ path: String, _ run: inout ForeignRun) throws {
        let deadline = secondsNow() + startSeconds
        while true {
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { return }
            guard run.isRunning(), secondsNow() < deadline else {
                throw BenchmarkFailure("no server came up at \(path)")
            }
            usleep(10_000)
        }
    }
}

/// An image in the page cache, full of data that is no run of zeroes.
enum BenchmarkImage {
    /// - Returns: its path. Made anew unless one of that size is there.
    static func make(_ setting: BenchmarkSetting) throws -> String {
        let path = "\(setting.folder)/image"
        var status = stat()
        if stat(path, &status) == 0, UInt64(status.st_size) == setting.imageBytes { return path }
        guard let file = fopen(path, "w") else {
            throw BenchmarkFailure("\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var block = [UInt64](repeating: 0, count: 128 << 10)
        var word: UInt64 = 1
        var left = setting.imageBytes
        while left > 0 {
            for index in block.indices {
                word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                block[index] = word
            }
            let count = Int(min(left, UInt64(block.count * 8)))
            guard fwrite(block, 1, count, file) == count else {
                throw BenchmarkFailure("\(path): \(String(cString: strerror(errno)))")
            }
            left -= UInt64(count)
        }
        return path
    }
}
