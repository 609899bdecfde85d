import Glibc
internal import GuestImage

/// The first file system of a guest: busybox, the kernel's modules, and the script that leads to this
/// machine's own files and the agent.
struct GuestFiles {
    /// Where the guest finds what belongs to the rig and not to this machine.
    static let rigFolder = "/run/mediarig"
    /// Where the agent's program is.
    static let agentFolder = "/run/mediarig/agent"
    /// Of programs that come before this machine's own.
    static let firstFolder = "/run/mediarig/first"

    /// Modules that the guest's way to its files, its commands and the network takes.
    private static let carriers = [
        "virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console", "virtio_net",
    ]

    /// - Returns: the path of the archive.
    static func archive(_ definition: MachineDefinition, kernel: KernelFiles, cache: RigCache)
        throws(RigFailure) -> String
    {
        var library = try ModuleLibrary(folder: kernel.modules)
        let wanted = carriers + definition.modules.map(\.name)
        let modules = try library.closure(of: wanted)
        let busybox = try FileAccess.read(StaticBusybox.path(cache: cache))
        let parameters = Dictionary(
            definition.modules.map { (KernelModule.canonical($0.name), $0.parameters) },
            uniquingKeysWith: { first, _ in first })
        let loading = modules.map { module in
            "insmod /modules/\(module.name).ko \(parameters[module.name] ?? "")"
        }
        let script = Array(
            GuestScript.text(loading: loading, modulesFolder: kernel.modules, kernel.release).utf8)
        let hashes =
            [ContentHash.of(script), ContentHash.of(busybox)] + modules.map { ContentHash.of($0.bytes) }
        return try cache.file("initramfs", hashOf: hashes, ending: "cpio") { path throws(RigFailure) in
            var archive = ArchiveWriter()
            for folder in ["proc", "sys", "dev", "lower", "upper", "root"] { archive.add(folder: folder) }
            archive.add(characterDevice: "dev/console", major: 5, minor: 1)
            archive.add(characterDevice: "dev/null", major: 1, minor: 3)
            archive.add(file: "bin/busybox", permissions: 0o755, busybox)
            archive.add(file: "init", permissions: 0o755, script)
            for module in modules { archive.add(file: "modules/\(module.name).ko", module.bytes) }
            try FileAccess.write(archive.finished(), to: path)
        }
    }
}

/// A busybox that needs no library.
enum StaticBusybox {
    static func path(cache: RigCache) throws(RigFailure) -> String {
        for installed in ["/bin/busybox", "/usr/bin/busybox"] where FileAccess.exists(installed) {
            if try isStatic(FileAccess.read(installed)) { return installed }
        }
        let folder = try cache.folder("busybox-static") { folder throws(RigFailure) in
            try DebianPackage.unpack("busybox-static", into: folder)
        }
        for found in ["\(folder)/bin/busybox", "\(folder)/usr/bin/busybox"] where FileAccess.exists(found) {
            return found
        }
        throw RigFailure(.environment, "no busybox in the package busybox-static; remove \(folder)")
    }

    /// No segment of the program names an interpreter, as the dynamic linker is called there.
    static func isStatic(_ program: [UInt8]) -> Bool {
        guard program.count > 64, program.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2]) else { return false }
        let table = program.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 32, as: UInt64.self)) }
        let entryBytes = program.withUnsafeBytes {
            Int($0.loadUnaligned(fromByteOffset: 54, as: UInt16.self))
        }
        let count = program.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 56, as: UInt16.self)) }
        guard table > 0, entryBytes >= 4, table + count * entryBytes <= program.count else { return false }
        return !(0..<count).contains { index in
            program.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: table + index * entryBytes, as: UInt32.self) == 3
            }
        }
    }
}
