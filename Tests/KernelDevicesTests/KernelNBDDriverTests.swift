import Foundation
import Glibc
import LinuxPlatform
import Netlink
import TestSupport
import Testing
import VirtualMedia

@testable import KernelDevices

/// Without the driver: what can be known of it from made-up sysfs, and what is refused before it is asked.
struct KernelNBDDriverTests {
    /// A folder that looks like /sys/block with one device.
    private func sysfs(attached: Bool, stat: String = "  10 0 24 3 5 0 8 2 0 4 5\n") throws -> TemporaryFolder
    {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("nbd3/queue"), withIntermediateDirectories: true)
        var attributes = [
            "stat": stat, "size": attached ? "2048\n" : "0\n", "ro": "1\n",
            "queue/max_hw_sectors_kb": "512\n",
            "queue/max_sectors_kb": "128\n", "queue/read_ahead_kb": "128\n",
        ]
        if attached { attributes.merge(["pid": "77\n", "backend": "virtual-media/Slot_3\n"]) { $1 } }
        for (name, value) in attributes { try folder.write(Array(value.utf8), to: "nbd3/\(name)") }
        return folder
    }

    @Test func `an attached device has a size, an owner and counters in bytes`() async throws {
        let folder = try sysfs(attached: true)
        let status = try await KernelNBDDriver(sysfs: folder.path).status(of: "nbd3")
        #expect(
            status
                == NBDDeviceStatus(
                    isAttached: true, liveConnections: 0, byteCount: 1 << 20, isReadOnly: true,
                    backendIdentifier: "virtual-media/Slot_3", readBytes: 24 * 512, writtenBytes: 8 * 512))
    }

    @Test func `a free device has neither size nor owner`() async throws {
        let folder = try sysfs(attached: false)
        let status = try await KernelNBDDriver(sysfs: folder.path).status(of: "nbd3")
        #expect(!status.isAttached && status.byteCount == 0 && status.backendIdentifier == nil)
    }

    @Test(arguments: ["nbd4", "sda", "nbd", "nbd03", "nbd3/..", "nbd-1"])
    func `a device that is not there is ENODEV, whatever it is called`(device: String) async throws {
        let folder = try sysfs(attached: true)
        let driver = KernelNBDDriver(sysfs: folder.path)
        for error in [
            await #expect(throws: SystemError.self) { try await driver.status(of: device) },
            await #expect(throws: SystemError.self) { try await driver.detach(device) },
            await #expect(throws: SystemError.self) { try await driver.flush(device) },
            await #expect(throws: SystemError.self) { try await driver.dropCache(of: device) },
            await #expect(throws: SystemError.self) { _ = try await driver.read(512, at: 0, from: device) },
        ] { #expect(error?.errno == ENODEV) }
    }

    @Test func `counters that make no sense are an error, not zeroes`() async throws {
        let folder = try sysfs(attached: true, stat: "1 2 3\n")
        let error = await #expect(throws: SystemError.self) {
            try await KernelNBDDriver(sysfs: folder.path).status(of: "nbd3")
        }
        #expect(error?.errno == EPROTO)
    }

    @Test func `a read outside of the device is refused before the device is opened`() async throws {
        let folder = try sysfs(attached: true)
        let driver = KernelNBDDriver(sysfs: folder.path, devices: folder.path)
        for (offset, byteCount) in [(1 << 20, 1), (0, (1 << 20) + 1), (.max, 512)] as [(UInt64, Int)] {
            let error = await #expect(throws: SystemError.self) {
                try await driver.read(byteCount, at: offset, from: "nbd3")
            }
            #expect(error?.errno == EINVAL, "\(byteCount) at \(offset)")
        }
    }

    @Test func `requests are made longer only, and reading ahead is what was asked`() throws {
        let folder = try sysfs(attached: true)
        let files = NBDDeviceFiles(sysfs: folder.path)
        try files.tune("nbd3", readAheadBytes: 1 << 20)
        #expect(try KernelFile.read(folder.file("nbd3/queue/max_sectors_kb")) == "512")
        #expect(try KernelFile.read(folder.file("nbd3/queue/read_ahead_kb")) == "1024")
        try folder.write(Array("4096\n".utf8), to: "nbd3/queue/max_sectors_kb")
        try folder.write([], to: "nbd3/queue/read_ahead_kb")
        try files.tune("nbd3", readAheadBytes: 0)
        #expect(try KernelFile.read(folder.file("nbd3/queue/max_sectors_kb")) == "4096")
        #expect(try KernelFile.read(folder.file("nbd3/queue/read_ahead_kb")) == "0")
    }

    private final class Pipe: ByteChannel {
        func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int { 0 }
        func write(_ bytes: ArraySlice<UInt8>) async throws(SystemError) {}
        func close() {}
        var isClosed: Bool { false }
    }

    @Test(arguments: [KernelNBDDriver.Mode.netlink, .ioctl])
    func `only sockets are handed over, and at least one`(mode: KernelNBDDriver.Mode) async throws {
        let driver = KernelNBDDriver(mode: mode)
        let attachment = NBDAttachment(
            device: "nbd0", byteCount: 512, blockBytes: 512, transmissionFlags: 1, requestTimeout: nil,
            deadConnectionTimeout: .zero, readAheadBytes: 0, backendIdentifier: "x")
        for connections in [[], [Pipe()]] as [[any ByteChannel]] {
            let error = await #expect(throws: SystemError.self) {
                try await driver.attach(attachment, connections: connections)
            }
            #expect(error?.errno == EINVAL)
        }
    }

    @Test func `times are rounded up to seconds`() {
        #expect(Duration.zero.wholeSeconds == 0)
        #expect(Duration.milliseconds(1).wholeSeconds == 1)
        #expect(Duration.seconds(20).wholeSeconds == 20)
        #expect((Duration.seconds(20) + .nanoseconds(1)).wholeSeconds == 21)
        #expect(Duration.seconds(-1).wholeSeconds == 0)
    }
}

struct NetlinkSocketTests {
    @Test func `this kernel tells of a family that it has, and of none that it lacks`() throws {
        var socket = try NetlinkSocket()
        let control = try socket.family("nlctrl")
        #expect(control.kind == GenericNetlinkFamily.control.kind)
        #expect(control.groups["notify"] != nil)
        let error = #expect(throws: SystemError.self) { _ = try socket.family("no such family") }
        #expect(error?.errno == ENOENT || error?.errno == EINVAL)
    }
}

struct UdevUeventsTests {
    /// Writing "change" to it has the kernel repeat the device's event: harmless.
    static let trigger: String? = [
        "/sys/block/loop0/uevent", "/sys/block/vda/uevent", "/sys/block/sda/uevent",
    ]
    .first { access($0, W_OK) == 0 }

    @Test(
        .enabled(
            if: Capability(name: "uevents", isPresent: trigger != nil).isUsable,
            "no block device whose uevent file may be written"))
    func `an event of the kernel reaches every listener`() async throws {
        let trigger = try #require(Self.trigger)
        let source = UdevUevents()
        let streams = [await source.uevents(), await source.uevents()]
        let descriptor = open(trigger, O_WRONLY)
        defer { close(descriptor) }
        #expect(write(descriptor, "change", 6) == 6)
        for stream in streams {
            var events = stream.makeAsyncIterator()
            var event = await events.next()
            while let found = event, !trigger.contains("/" + found.devicePath.split(separator: "/").last!) {
                event = await events.next()
            }
            let found = try #require(event)
            #expect(found.action == "change" && found.subsystem == "block" && found.sequenceNumber > 0)
            #expect(found.properties.contains { $0.hasPrefix("DEVNAME=") })
        }
    }

    @Test func `listening can end and begin again`() async {
        let source = UdevUevents()
        for _ in 1...3 {
            let listener = Task { for await _ in await source.uevents() {} }
            listener.cancel()
            await listener.value
        }
    }
}
