import Foundation
import TestSupport
import Testing

/// The boot images start on QEMU's firmware, where they say on COM1 how they were started and end the
/// machine with status 33 (isa-debug-exit).
@Suite(
    .enabled(if: ImageRecipes.tools.isUsable, "the tools of images/make are not installed"),
    .enabled(if: Capability.tool("qemu-system-x86_64").isUsable, "qemu-system-x86_64 is not installed"))
struct ImageBootTests {
    static let firmwareFolder = "/usr/share/OVMF"
    static let uefi = Capability(
        name: "ovmf", isPresent: FileManager.default.fileExists(atPath: "\(firmwareFolder)/OVMF_CODE.fd"))

    static let cd = ["-device", "ide-cd,drive=medium"]
    static let usbDisk = ["-device", "qemu-xhci,id=host", "-device", "usb-storage,drive=medium,bus=host.0"]

    @Test(arguments: [
        ("hybrid.iso", cd, "MEDIARIG-BOOTED-BIOS-CD"), ("hybrid.iso", usbDisk, "MEDIARIG-BOOTED-BIOS-DISK"),
        ("fat.img", usbDisk, "MEDIARIG-BOOTED-BIOS-DISK"),
    ])
    func `a BIOS boots it`(image: String, device: [String], marker: String) async throws {
        let folder = try TemporaryFolder()
        try await ImageRecipes.make(image, in: folder)
        try await boot(folder.file(image), on: device, marker: marker)
    }

    @Test(
        .enabled(if: uefi.isUsable, "ovmf is not installed"),
        arguments: [("hybrid.iso", cd), ("hybrid.iso", usbDisk)])
    func `UEFI boots it`(image: String, device: [String]) async throws {
        let folder = try TemporaryFolder()
        try await ImageRecipes.make(image, in: folder)
        let variables = folder.file("vars.fd")
        try FileManager.default.copyItem(atPath: "\(Self.firmwareFolder)/OVMF_VARS.fd", toPath: variables)
        let firmware = [
            "-drive", "if=pflash,format=raw,readonly=on,file=\(Self.firmwareFolder)/OVMF_CODE.fd",
            "-drive", "if=pflash,format=raw,file=\(variables)",
        ]
        try await boot(folder.file(image), on: firmware + device, marker: "MEDIARIG-BOOTED-UEFI")
    }

    func boot(_ image: String, on device: [String], marker: String) async throws {
        let result = try await ForeignProgram(
            "qemu-system-x86_64",
            [
                "-M", "q35", "-accel", "tcg", "-m", "256", "-smp", "1", "-display", "none", "-nodefaults",
                "-no-reboot", "-nic", "none", "-monitor", "none", "-serial", "stdio", "-device",
                "isa-debug-exit,iobase=0x501,iosize=2", "-drive",
                "if=none,id=medium,readonly=on,format=raw,file=\(image)",
            ] + device
        ).run(within: 90)
        #expect(result.status == 33, "\(result.error)")
        #expect(result.output.contains(marker), "\(result.output)")
    }
}
