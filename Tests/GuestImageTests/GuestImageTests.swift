import GuestImage
import TestSupport
import Testing

struct ArchiveWriterTests {
    private func archive() -> [UInt8] {
        var archive = ArchiveWriter()
        archive.add(folder: "proc")
        archive.add(file: "bin/sh", permissions: 0o755, [1, 2, 3])
        archive.add(file: "bin/empty", [])
        archive.add(file: "a/b/c", Array("text of nine".utf8))
        archive.add(link: "bin/link", to: "sh")
        archive.add(characterDevice: "dev/console", major: 5, minor: 1)
        archive.add(folder: "proc")
        return archive.finished()
    }

    @Test func `an entry is as the kernel's format has it`() {
        var archive = ArchiveWriter()
        archive.add(file: "abc", permissions: 0o600, [0xAA])
        let header =
            "070701" + "00000001" + "00008180" + "00000000" + "00000000" + "00000001" + "00000000"
            + "00000001"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000"
        // 110 bytes of header and 4 of name: 114, to 116; one byte of data, to 4.
        #expect(archive.bytes == Array(header.utf8) + Array("abc".utf8) + [0, 0, 0] + [0xAA, 0, 0, 0])
    }

    @Test func `the same entries give the same bytes`() { #expect(archive() == archive()) }

    @Test(.enabled(if: Capability.tool("cpio").isUsable, "cpio is not installed"))
    func `Debian's cpio unpacks what was put in`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(archive(), to: "archive")
        let listing = try await ForeignProgram("sh", "-c", "cpio -itv --quiet < \(path)").run()
        #expect(listing.status == 0, "\(listing.error)")
        let lines = listing.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let modes = Dictionary(
            lines.map { ($0.drop { $0 != "1970" }.dropFirst().joined(separator: " "), $0[0]) }
        ) { $1 }
        #expect(modes["proc"] == "drwxr-xr-x")
        #expect(modes["bin/sh"] == "-rwxr-xr-x")
        #expect(modes["bin/link -> sh"] == "lrwxrwxrwx")
        #expect(modes["dev/console"] == "crw-------")
        #expect(lines.count == 10)
        let unpacked = try await ForeignProgram(
            "sh", "-c",
            "cd \(folder.path) && cpio -idm --quiet 'a/*' 'bin/*' < archive && cat a/b/c bin/sh | od -An -c"
        ).run()
        #expect(unpacked.status == 0, "\(unpacked.error)")
        #expect(unpacked.output.filter { !$0.isWhitespace } == "textofnine001002003")
    }
}

struct KernelModuleTests {
    /// The least of an ELF file that has a `.modinfo`: header, names, section, table of three.
    static func elf(modinfo: String) -> [UInt8] {
        let names = Array("\0.modinfo\0.shstrtab\0".utf8)
        let info = Array(modinfo.utf8)
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        func section(_ name: Int, _ kind: Int, _ offset: Int, _ size: Int) -> [UInt8] {
            number(name, 4) + number(kind, 4) + number(0, 16) + number(offset, 8) + number(size, 8)
                + number(0, 24)
        }
        let table = 64 + names.count + info.count
        let header =
            [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 33) + number(table, 8)
            + number(0, 4) + number(64, 2) + number(0, 4) + number(64, 2) + number(3, 2) + number(2, 2)
        precondition(header.count == 64)
        return header + names + info + section(0, 0, 0, 0) + section(1, 1, 64 + names.count, info.count)
            + section(10, 3, 64, names.count)
    }

    static let text =
        "license=GPL\0depends=usb-common,udc-core\0softdep=pre: crct10dif post: later\0alias=usb:v1\0name=dummy_hcd\0"

    @Test func `what a module says of itself is read`() throws {
        let module = try #require(KernelModule(named: "dummy-hcd", elf: Self.elf(modinfo: Self.text)))
        #expect(
            module
                == KernelModule(
                    name: "dummy_hcd", dependencies: ["usb_common", "udc_core"], wishes: ["crct10dif"],
                    aliases: ["usb:v1"]))
    }

    @Test func `a file cut short anywhere is refused, or says the same`() {
        let whole = Self.elf(modinfo: Self.text)
        for count in 0..<whole.count {
            #expect(KernelModule(named: "x", elf: Array(whole.prefix(count))) == nil, "\(count) bytes")
        }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `a damaged file never traps`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var file = Self.elf(modinfo: Self.text)
        for _ in 0..<4 {
            file[Int.random(in: 0..<file.count, using: &random)] = UInt8.random(
                in: 0 ... .max, using: &random)
        }
        _ = KernelModule(named: "x", elf: file)
    }

    @Test(arguments: [
        ("usb-storage.ko", "usb_storage"), ("nbd.ko.xz", "nbd"), ("modules.dep", nil), (".ko", nil),
    ])
    func `a file's name tells the module's`(file: String, name: String?) {
        #expect(KernelModule.name(ofFile: file) == name)
    }
}

struct ModuleOrderTests {
    static let modules = [
        KernelModule(name: "a", dependencies: ["b", "c"]), KernelModule(name: "b", dependencies: ["d"]),
        KernelModule(name: "c", dependencies: ["d"]), KernelModule(name: "d"),
        KernelModule(name: "t10", dependencies: [], wishes: ["sum"]),
        KernelModule(name: "sum_fast", aliases: ["sum"]), KernelModule(name: "sum_plain", aliases: ["sum"]),
        KernelModule(name: "ring1", dependencies: ["ring2"]),
        KernelModule(name: "ring2", dependencies: ["ring1"]),
        KernelModule(name: "lost", dependencies: ["nowhere"]),
    ]

    @Test(arguments: [
        (["a"], ["d", "b", "c", "a"]), (["c", "a"], ["d", "c", "b", "a"]),
        (["t10"], ["sum_fast", "sum_plain", "t10"]),
        (["ring1"], ["ring2", "ring1"]), ([], []), (["a", "a", "d"], ["d", "b", "c", "a"]),
    ])
    func `each module comes after what it depends on, once`(names: [String], order: [String]) throws {
        #expect(try ModuleOrder(Self.modules).order(of: names) == order)
    }

    @Test func `what the kernel has built in is left out`() throws {
        #expect(
            try ModuleOrder(Self.modules).order(of: ["lost", "b"], builtIn: ["nowhere", "d"]) == [
                "lost", "b",
            ])
    }

    @Test func `a module that is missing is named, and who needs it`() {
        #expect(
            throws: ModuleOrder.Failure("this kernel has no module nowhere, which lost depends on")
        ) {
            try ModuleOrder(Self.modules).order(of: ["lost"])
        }
    }

    @Test func `the file for modprobe names each module's needs`() {
        let text = ModuleOrder(Self.modules.prefix(4)).dependencyFile { "kernel/\($0).ko" }
        #expect(
            text == """
                kernel/a.ko: kernel/c.ko kernel/b.ko kernel/d.ko
                kernel/b.ko: kernel/d.ko
                kernel/c.ko: kernel/d.ko
                kernel/d.ko:

                """)
    }
}

struct CompressedKernelTests {
    /// A header that claims a payload at 0x400 behind one sector of set-up.
    static func image(first: [UInt8], payloadBytes: Int = 64) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 2 * 512 + 0x400 + payloadBytes)
        image[0x1F1] = 1
        image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        image.replaceSubrange(0x248..<0x250, with: [0, 4, 0, 0, UInt8(payloadBytes), 0, 0, 0])
        image.replaceSubrange((1024 + 0x400)..<(1024 + 0x400 + first.count), with: first)
        return image
    }

    @Test(arguments: [
        (bytes("FD377A585A00"), "xz", 64), (bytes("1F8B08"), "gzip", 64), (bytes("28B52FFD"), "zstd", 60),
    ])
    func `the payload is found and its compression known`(first: [UInt8], name: String, byteCount: Int) throws
    {
        let kernel = try #require(CompressedKernel(Self.image(first: first)))
        #expect(kernel.compression.rawValue == name)
        #expect(kernel.payload == 2048..<2048 + byteCount)
    }

    @Test func `an ELF file is taken as it is`() {
        #expect(CompressedKernel(bytes("7F454C46 0201"))?.compression == CompressedKernel.Compression.none)
    }

    @Test func `what is no kernel is refused`() {
        #expect(CompressedKernel([]) == nil)
        #expect(CompressedKernel([UInt8](repeating: 0, count: 4096)) == nil)
        #expect(CompressedKernel(Self.image(first: bytes("0102"))) == nil)
        let whole = Self.image(first: bytes("FD377A585A00"))
        #expect(CompressedKernel(Array(whole.dropLast())) == nil)
    }
}
