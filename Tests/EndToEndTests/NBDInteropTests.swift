import BlockStorage
import Foundation
import NBDServer
import TestSupport
import Testing

/// Foreign clients on our server.
struct NBDInteropTests {
    struct Served {
        let folder: TemporaryFolder
        let server: NBDServer
        let image: String
        let uri: String

        init(_ bytes: [UInt8], isReadOnly: Bool = false, name: String = "") throws {
            folder = try TemporaryFolder()
            image = try folder.write(bytes, to: "image")
            server = NBDServer(
                store: try FileStore(path: image, isReadOnly: isReadOnly), exportName: name)
            let address = ListenAddress.unix(path: folder.file("nbd.sock"))
            uri = try server.listen(on: address).uri(exportName: name)
        }
    }

    static func run(_ program: String, _ arguments: String...) async throws -> ForeignProgram.Result {
        try await ForeignProgram(program, arguments).run(within: 30)
    }

    @Test(.enabled(if: Capability.tool("nbdinfo").isUsable, "nbdinfo is not installed"))
    func `nbdinfo lists the export, its sizes and its map`() async throws {
        let served = try Served(TemporaryFolder.pattern(65536), isReadOnly: true, name: "disc one")
        let info = try await Self.run("nbdinfo", "--json", served.uri)
        #expect(info.status == 0, "\(info.error)")
        for fact in ["\"export-size\": 65536", "\"is_read_only\": true", "\"block_size_minimum\": 1"] {
            #expect(info.output.contains(fact), "\(fact) in \(info.output)")
        }
        let list = try await Self.run("nbdinfo", "--list", served.uri)
        #expect(list.output.contains("disc one"))
        let map = try await Self.run("nbdinfo", "--map", served.uri)
        #expect(map.output.split(separator: " ").prefix(3) == ["0", "65536", "0"])
        await served.server.stop()
    }

    @Test(.enabled(if: Capability.tool("nbdcopy").isUsable, "nbdcopy is not installed"), arguments: [1, 4])
    func `nbdcopy copies out and in`(connections: Int) async throws {
        let image = TemporaryFolder.pattern(5 << 20)
        let served = try Served(image)
        let copy = served.folder.file("copy")
        let out = try await Self.run("nbdcopy", "--connections=\(connections)", served.uri, copy)
        #expect(out.status == 0, "\(out.error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data(image))
        let other = try served.folder.writePattern(5 << 20, to: "other", seed: 7)
        let back = try await Self.run("nbdcopy", "--flush", "--connections=\(connections)", other, served.uri)
        #expect(back.status == 0, "\(back.error)")
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: served.image))
                == Data(contentsOf: URL(fileURLWithPath: other)))
        await served.server.stop()
    }

    @Test(.enabled(if: Capability.pythonModule("nbd").isUsable, "python3-libnbd is not installed"))
    func `libnbd gets the errors of the protocol, and every command`() async throws {
        let served = try Served(TemporaryFolder.pattern(1 << 20))
        let script = """
            import errno, nbd
            h = nbd.NBD()
            h.set_strict_mode(0)
            h.add_meta_context("base:allocation")
            h.connect_uri("\(served.uri)")
            assert h.get_structured_replies_negotiated()
            assert h.can_meta_context("base:allocation") and h.can_df() and h.can_fua()
            assert h.can_trim() and h.can_zero() and h.can_cache() and h.can_multi_conn()
            h.pwrite(b"x" * 4096, 0, nbd.CMD_FLAG_FUA)
            assert h.pread(4096, 0, nbd.CMD_FLAG_DF) == b"x" * 4096
            h.zero(65536, 65536)
            h.zero(4096, 131072, nbd.CMD_FLAG_NO_HOLE)
            assert h.pread(65536, 65536) == bytearray(65536)
            h.trim(65536, 262144)
            h.cache(1 << 20, 0)
            h.flush()
            runs = []
            h.block_status(1 << 20, 0, lambda c, o, e, err: runs.extend(e))
            assert sum(runs[0::2]) == 1 << 20, runs
            one = []
            h.block_status(1 << 20, 0, lambda c, o, e, err: one.extend(e), nbd.CMD_FLAG_REQ_ONE)
            assert len(one) == 2, one
            def fails(number, call):
                try:
                    call()
                except nbd.Error as error:
                    assert error.errnum == number, (error.errnum, number)
                    return
                raise AssertionError("no error %d" % number)
            fails(errno.EINVAL, lambda: h.pread(512, 1 << 20))
            fails(errno.ENOSPC, lambda: h.pwrite(b"1", 1 << 20))
            fails(errno.EINVAL, lambda: h.trim(512, (1 << 20) - 1))
            fails(errno.ENOSPC, lambda: h.zero(512, (1 << 20) - 1))
            fails(errno.EINVAL, lambda: h.zero(512, 0, nbd.CMD_FLAG_FAST_ZERO))
            fails(errno.EINVAL, lambda: h.pread(512, 0, nbd.CMD_FLAG_NO_HOLE))
            assert h.pread(512, 0) == b"x" * 512
            g = nbd.NBD()
            g.set_export_name("no such export")
            try:
                g.connect_unix("\(served.folder.file("nbd.sock"))")
                raise AssertionError("connected to no such export")
            except nbd.Error as error:
                assert "no such export" in str(error) or error.errnum == errno.ENOENT, error
            print("all as expected")
            """
        let path = try served.folder.write(Array(script.utf8), to: "script.py")
        let result = try await Self.run("/usr/bin/python3", path)
        #expect(result.output.contains("all as expected"), "\(result.error)")
        await served.server.stop()
    }

    @Test(.enabled(if: Capability.tools("qemu-img", "qemu-io").isUsable, "qemu-utils is not installed"))
    func `qemu-img compares, maps and converts, qemu-io writes and flushes`() async throws {
        let served = try Served(TemporaryFolder.pattern(4 << 20))
        let compare = try await Self.run(
            "qemu-img", "compare", "-f", "raw", "-F", "raw", served.uri, served.image)
        #expect(compare.status == 0, "\(compare.output)\(compare.error)")
        let write = try await Self.run(
            "qemu-io", "-f", "raw", "-c", "write -P 0x5a 4096 1M", "-c", "write -z -u 2M 1M", "-c", "flush",
            "-c", "read -P 0x5a 4096 1M", "-c", "read -P 0 2M 1M", served.uri)
        #expect(write.status == 0 && !write.output.contains("failed"), "\(write.output)\(write.error)")
        let map = try await Self.run("qemu-img", "map", "--output=json", "-f", "raw", served.uri)
        #expect(map.output.contains("\"zero\": true"), "\(map.output)")
        let copy = served.folder.file("copy")
        let convert = try await Self.run("qemu-img", "convert", "-f", "raw", "-O", "raw", served.uri, copy)
        #expect(convert.status == 0, "\(convert.error)")
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: served.image))
                == Data(contentsOf: URL(fileURLWithPath: copy)))
        await served.server.stop()
    }

    @Test(.enabled(if: Capability.tool("fio").isUsable, "fio is not installed"), arguments: ["4k", "64k"])
    func `fio verifies what it wrote`(blockSize: String) async throws {
        let served = try Served([UInt8](repeating: 0, count: 8 << 20))
        let result = try await Self.run(
            "fio", "--name=verify", "--verify_state_save=0", "--ioengine=nbd", "--uri=\(served.uri)",
            "--rw=randwrite",
            "--bs=\(blockSize)", "--iodepth=16", "--size=8m", "--verify=crc32c", "--verify_fatal=1",
            "--verify_state_save=0")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        await served.server.stop()
    }
}
