import Glibc
internal import GuestImage

/// A kernel that can be booted, with its modules.
package struct KernelFiles: Equatable, Sendable {
    /// "6.1.0-56-amd64".
    package let release: String
    /// The ELF file, not compressed.
    package let kernel: String
    /// The folder with `modules.dep` and `kernel/`.
    package let modules: String

    /// Uncompressing a kernel takes a second.
    static let uncompressLimit = Duration.seconds(120)

    /// Prepares any kernel.
    ///
    /// - Parameters:
    ///   - image: a bzImage or an uncompressed kernel.
    ///   - modules: the folder that is `/lib/modules/RELEASE` for it.
    ///   - cache: where the uncompressed kernel is kept.
    package init(image: String, modules: String, cache: RigCache) throws(RigFailure) {
        guard FileAccess.exists(modules) else {
            throw RigFailure(.usage, "\(modules): there is no such folder of modules")
        }
        let bytes = try FileAccess.read(image)
        guard let compressed = CompressedKernel(bytes) else {
            throw RigFailure(
                .usage, "\(image): no kernel for this processor (bzImage) compressed with xz, gzip or zstd")
        }
        // A folder of modules bears the kernel's release as its name, or has it within.
        let own = modules.split(separator: "/").last.map(String.init) ?? ""
        let path = own.contains(".") ? own : FileAccess.line(of: "\(modules)/kernel.release") ?? own
        release = path
        self.modules = modules
        if compressed.compression == .none {
            kernel = image
            return
        }
        let unpacked = try cache.file(
            "kernel", hashOf: [ContentHash.of(bytes)], ending: "elf"
        ) { path throws(RigFailure) in
            try Self.uncompress(bytes, compressed, to: path)
        }
        kernel = unpacked
    }

    private static func uncompress(_ image: [UInt8], _ compressed: CompressedKernel, to path: String)
        throws(RigFailure)
    {
        let packed = "\(path).packed"
        try FileAccess.write(Array(image[compressed.payload]), to: packed)
        defer { unlink(packed) }
        let output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw RigFailure(path, errno: errno) }
        defer { close(output) }
        let program: [String]
        switch compressed.compression {
        // What comes behind the one stream is the kernel build's own.
        case .xz: program = ["xz", "--decompress", "--stdout", "--single-stream"]
        case .gzip: program = ["gzip", "--decompress", "--stdout", "--quiet"]
        case .zstd: program = ["zstd", "--decompress", "--stdout", "--quiet"]
        case .none: return
        }
        try ChildProgram.run(program, within: uncompressLimit, input: packed, output: output)
    }

    // MARK: Finding one

    /// Downloading 70 MB takes seconds, or minutes.
    static let downloadLimit = Duration.seconds(600)

    /// The kernel of a Debian package: from the cache, or downloaded and unpacked there. Nothing is installed.
    package init(package: String, cache: RigCache) throws(RigFailure) {
        let folder = try cache.folder("kernel-\(package)") { folder throws(RigFailure) in
            try Self.fetch(package, into: folder)
        }
        guard let release = FileAccess.names(in: "\(folder)/lib/modules").last else {
            throw RigFailure(.environment, "\(package): its package has no modules; remove \(folder)")
        }
        try self.init(
            image: "\(folder)/boot/vmlinuz-\(release)", modules: "\(folder)/lib/modules/\(release)",
            cache: cache)
    }

    private static func fetch(_ package: String, into folder: String) throws(RigFailure) {
        try DebianPackage.unpack(kernelPackage(package), into: folder)
        guard let release = FileAccess.names(in: "\(folder)/lib/modules").last else {
            throw RigFailure(.environment, "\(package): the package has no modules")
        }
        let modules = "\(folder)/lib/modules/\(release)"
        // Written by the package's own script, which does not run here.
        let library = try ModuleLibrary(folder: modules, readsAll: true)
        try FileAccess.write(Array(library.dependencyFile.utf8), to: "\(modules)/modules.dep")
        // Debug symbols of the kernel and its documentation are not needed.
        FileAccess.removeAll("\(folder)/usr")
    }

    /// "linux-image-amd64" has no files; what it depends on has.
    private static func kernelPackage(_ name: String) throws(RigFailure) -> String {
        let answer = try ChildProgram.run(
            ["apt-cache", "depends", "--no-recommends", "--no-suggests", name], within: .seconds(60))
        for line in String(decoding: answer.output, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "Depends:", words.count == 2, words[1].hasPrefix("linux-image-") {
                return String(words[1])
            }
        }
        return name
    }
}

/// A package of Debian as files, without installing it.
enum DebianPackage {
    /// - Parameter folder: is made.
    static func unpack(_ name: String, into folder: String) throws(RigFailure) {
        let parcel = "\(folder).parcel"
        try FileAccess.makeFolder(parcel)
        defer { FileAccess.removeAll(parcel) }
        do {
            try ChildProgram.run(
                ["apt-get", "download", "-qq", name], folder: parcel, within: KernelFiles.downloadLimit)
        } catch {
            throw RigFailure(
                .environment,
                "cannot download the package \(name): \(error). `apt-get update` may help; or give "
                    + "--kernel and --modules")
        }
        guard let file = FileAccess.names(in: parcel).first(where: { $0.hasSuffix(".deb") }) else {
            throw RigFailure(.environment, "apt-get downloaded nothing for \(name)")
        }
        try FileAccess.makeFolder(folder)
        try ChildProgram.run(
            ["dpkg-deb", "-x", "\(parcel)/\(file)", folder], within: KernelFiles.downloadLimit)
    }
}
