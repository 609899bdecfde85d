import Foundation
import TestSupport
import Testing

@testable import HostObserver

struct BlockDeviceReportTests {
    private static func report() -> BlockDeviceReport {
        BlockDeviceReport(
            path: "/dev/sdx", byteCount: 512, logicalBlockByteCount: 512, physicalBlockByteCount: 512,
            isReadOnly: true, isDirect: true, properties: [:])
    }

    @Test func `a disk's attributes come from sysfs and udev's database`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("device"), withIntermediateDirectories: true)
        try folder.write(Array("1\n".utf8), to: "removable")
        try folder.write(Array("Linux   \n".utf8), to: "device/vendor")
        try folder.write(Array("File-Stor Gadget\n".utf8), to: "device/model")
        try folder.write(Array("0601\n".utf8), to: "device/rev")
        let database = try folder.write(
            Array("S:disk/by-id/x\nE:ID_BUS=usb\nE:ID_SERIAL=a=b\nE:BROKEN\n".utf8), to: "b8:0")
        var report = Self.report()
        report.describe(folder: folder.path, database: database)
        #expect(report.isRemovable == true)
        #expect(report.vendor == "Linux" && report.model == "File-Stor Gadget" && report.revision == "0601")
        #expect(report.properties == ["ID_BUS": "usb", "ID_SERIAL": "a=b"])
    }

    @Test func `a partition has those of its disk`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("sda1"), withIntermediateDirectories: true)
        try folder.write(Array("0\n".utf8), to: "removable")
        var report = Self.report()
        report.describe(folder: folder.file("sda1"), database: folder.file("none"))
        #expect(report.isRemovable == false)
        #expect(report.properties.isEmpty)
    }

    /// The control node alone tells nothing: containers have it, and may not use it.
    private static let loop: Capability = {
        let found = try? ForeignProgram("losetup", "--find").runBlocking()
        return Capability(name: "loop-devices", isPresent: geteuid() == 0 && found?.status == 0)
    }()

    @Test(.enabled(if: loop.isPresent, "no loop devices for this user"))
    func `a loop device tells its size, blocks and protection`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "image")
        let attached = try await ForeignProgram("losetup", "--find", "--show", "--read-only", image).run()
        try #require(attached.status == 0, "\(attached.error)")
        let device = String(attached.output.prefix { !$0.isNewline })
        do throws(ObserverError) {
            let observer = try BlockDeviceObserver(path: device, limit: .seconds(60))
            #expect(observer.report.byteCount == 1 << 20)
            #expect(observer.report.isReadOnly && observer.report.isDirect)
            #expect(observer.report.logicalBlockByteCount == 512)
            let read = try await observer.readAll(
                expecting: .image(ExpectedBytes(TemporaryFolder.pattern(1 << 20))))
            #expect(read.verdict == .proven)
        } catch { Issue.record("\(error)") }
        _ = try await ForeignProgram("losetup", "--detach", device).run()
    }
}
