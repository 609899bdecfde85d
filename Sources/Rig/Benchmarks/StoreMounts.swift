import Glibc

/// One image as a bare file, through our mount and through bindfs, and fio reading it.
struct StoreMounts: ~Copyable {
    enum Place: String, CaseIterable {
        case ours = "mediarig store"
        case bindfs
        case bare = "bare file"
    }

    private let setting: BenchmarkSetting
    private let store: ForeignRun
    private let peer: ForeignRun
    private let image: String

    /// Within this both are mounted.
    private static let startSeconds = 20.0

    init(_ setting: BenchmarkSetting) throws {
        let source = try BenchmarkImage.make(setting)
        let folder = setting.folder
        for name in ["images", "mnt-ours", "mnt-bindfs"] { mkdir("\(folder)/\(name)", 0o755) }
        let image = "disk.img"
        link(source, "\(folder)/images/\(image)")
        let store = try ForeignRun(
            [
                setting.ourProgram, "store", "\(folder)/images", "--mount", "\(folder)/mnt-ours", "--control",
                "\(folder)/store.sock",
            ], output: "\(folder)/store.out")
        // As ours: every read reaches the server.
        let peer = try ForeignRun(
            ["bindfs", "-f", "-o", "direct_io", "\(folder)/images", "\(folder)/mnt-bindfs"],
            output: "\(folder)/bindfs.out")
        for name in ["mnt-ours", "mnt-bindfs"] { try Self.wait(for: "\(folder)/\(name)/\(image)") }
        self.setting = setting
        self.image = image
        self.store = store
        self.peer = peer
    }

    private static func wait(for path: String) throws {
        let deadline = secondsNow() + startSeconds
        while access(path, R_OK) != 0 {
            guard secondsNow() < deadline else { throw BenchmarkFailure("\(path): not mounted in time") }
            usleep(10_000)
        }
    }

    /// - Returns: MB/s or operations per second, and the server's processor seconds.
    func measure(_ place: Place, blockBytes: Int, isRandom: Bool, jobs: Int) throws -> (
        rate: Double, operations: Double, processorSeconds: Double
    ) {
        let folder = setting.folder
        let path =
            switch place {
            case .ours: "\(folder)/mnt-ours/\(image)"
            case .bindfs: "\(folder)/mnt-bindfs/\(image)"
            case .bare: "\(folder)/images/\(image)"
            }
        let before = try processorSeconds(place)
        let output = "\(folder)/fio.out"
        try ForeignRun.run(
            [
                "fio", "--name=store", "--filename=\(path)", "--readonly", "--ioengine=psync",
                "--rw=\(isRandom ? "randread" : "read")", "--bs=\(blockBytes)", "--numjobs=\(jobs)",
                "--group_reporting", "--time_based", "--runtime=\(setting.secondsPerSample)",
                "--size=\(setting.imageBytes)", "--randseed=1", "--norandommap", "--invalidate=0",
                "--output-format=terse", "--terse-version=3",
            ], output: output)
        let line = try readText(output).split(separator: "\n").first { $0.hasPrefix("3;") }
        let fields = (line ?? "").split(separator: ";", omittingEmptySubsequences: false)
        // fio(1), "Terse output": read bandwidth in KiB/s is the seventh field, read IOPS the eighth.
        guard fields.count > 7, let rate = Double(fields[6]), let operations = Double(fields[7]), rate > 0
        else { throw BenchmarkFailure("fio said nothing that can be read: \(line ?? "")") }
        return (rate * 1024 / 1e6, operations, try processorSeconds(place) - before)
    }

    private func processorSeconds(_ place: Place) throws -> Double {
        switch place {
        case .ours: try store.processorSeconds()
        case .bindfs: try peer.processorSeconds()
        case .bare: 0
        }
    }
}
