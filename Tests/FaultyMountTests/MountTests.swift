import FaultPoints
import FaultyFiles
import Foundation
import Glibc
import TestSupport
import Testing

@testable import FaultyMount

@Suite(.enabled(if: fuse.isUsable, "no /dev/fuse, not root, or no python3"), .timeLimit(.minutes(2)))
struct MountTests {
    @Test(arguments: [false, true])
    func `a foreign program reads every byte right, in any portion`(usesPageCache: Bool) async throws {
        let fixture = try MountFixture(isReadOnly: true, usesPageCache: usesPageCache, byteCount: 3_000_001)
        let result = try await fixture.python(
            """
            whole = open(path, 'rb').read()
            file = os.open(path, os.O_RDONLY)
            ok = all(os.pread(file, n, at) == whole[at:at+n] for n in (1, 511, 4096, 1 << 20)
                     for at in (0, 1, 513, 1 << 20, 3_000_000, 3_000_001))
            print(len(whole), hashlib.sha256(whole).hexdigest(), ok, sorted(os.listdir(os.path.dirname(path))))
            """)
        let sum = try await ForeignProgram("sha256sum", fixture.folder.file("images/disk.img")).run().output
        #expect(result.output == "3000001 \(sum.prefix(64)) True ['disk.img']\n", "\(result.error)")
        #expect(fixture.tree.recorder.metrics.readBytes >= 3_000_001)
    }

    @Test func `files are written, resized, renamed and removed through the mount`() async throws {
        let fixture = try MountFixture()
        let result = try await fixture.python(
            """
            folder = os.path.dirname(path)
            new = folder + '/sub/new'
            os.mkdir(folder + '/sub')
            with open(new, 'wb') as file:
                file.write(b'x' * 100000); file.flush(); os.fsync(file.fileno())
            os.truncate(new, 5000)
            os.utime(new, (1000, 2000)); os.chmod(new, 0o600)
            moved = folder + '/moved'; os.rename(new, moved)
            status = os.stat(moved)
            print(status.st_size, status.st_mtime, oct(status.st_mode & 0o777), open(moved, 'rb').read() == b'x' * 5000)
            with open(moved, 'ab') as file: file.write(b'end')
            os.remove(folder + '/disk.img'); os.rmdir(folder + '/sub')
            print(os.listdir(folder), open(moved, 'rb').read()[-4:])
            """)
        #expect(result.output == "5000 2000.0 0o600 True\n['moved'] b'xend'\n", "\(result.error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.folder.file("images/moved"))).count == 5003)
    }

    @Test func `a read-only mount refuses writers`() async throws {
        let fixture = try MountFixture(isReadOnly: true)
        let result = try await fixture.python(
            "print(attempt(lambda: open(path, 'r+b')), attempt(lambda: os.remove(path)))")
        #expect(result.output == "EROFS EROFS\n")
    }

    @Test(arguments: [
        (StoreOperation.read, EIO, "EIO"), (.open, ESTALE, "ESTALE"), (.getattr, EACCES, "EACCES"),
        (.lookup, ENOENT, "ENOENT"), (.write, ENOSPC, "ENOSPC"), (.fsync, EIO, "EIO"),
        (.flush, EDQUOT, "EDQUOT"),
        (.truncate, EFBIG, "EFBIG"), (.readdir, EIO, "EIO"), (.statfs, EIO, "EIO"),
        (.create, ENOSPC, "ENOSPC"),
        (.unlink, EBUSY, "EBUSY"), (.rename, EACCES, "EACCES"), (.mkdir, EDQUOT, "EDQUOT"),
        (.rmdir, EBUSY, "EBUSY"), (.setattr, EPERM, "EPERM"),
    ])
    func `each operation fails for the client with the errno injected`(
        operation: StoreOperation, number: CInt, name: String
    ) async throws {
        let fixture = try MountFixture()
        try #require(mkdir(fixture.folder.file("images/sub"), 0o755) == 0)
        fixture.faults.set(operation, .fail(errno: number))
        let client: [StoreOperation: String] = [
            .read: "open(path, 'rb').read(10)", .open: "open(path, 'rb')",
            .getattr: "os.fstat(os.open(path, 0))",
            .lookup: "os.stat(path)", .write: "os.write(os.open(path, 2), b'x')",
            .fsync: "os.fsync(os.open(path, 2))", .flush: "os.close(os.open(path, 0))",
            .truncate: "os.truncate(path, 1)", .readdir: "os.listdir(os.path.dirname(path))",
            .statfs: "os.statvfs(path)", .create: "open(path + '2', 'wb')", .unlink: "os.remove(path)",
            .rename: "os.rename(path, path + '3')", .mkdir: "os.mkdir(path + 'd')",
            .rmdir: "os.rmdir(os.path.dirname(path) + '/sub')", .setattr: "os.chmod(path, 0o600)",
        ]
        let action = try #require(client[operation])
        let result = try await fixture.python("print(attempt(lambda: \(action)))")
        #expect(result.output == "\(name)\n", "\(result.error)")
        #expect(fixture.tree.recorder.metrics.injected["fail"] ?? 0 > 0)
    }

    @Test func `thirty-two held reads hold no thread, and end together`() async throws {
        let fixture = try MountFixture()
        let hold = FaultHold()
        fixture.faults.set(.read, .hold(hold))
        let client = try fixture.running(
            """
            file = os.open(path, os.O_RDONLY)
            results = []
            def read(at): results.append(len(os.pread(file, 4096, at)))
            threads = [threading.Thread(target=read, args=(n * 4096,)) for n in range(32)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print(results == [4096] * 32)
            """)
        await fixture.until { fixture.tree.waitingRoom.waitingCount == 32 }
        // Far more wait than there are threads, and the mount still answers everybody else.
        #expect(FuseMount.threadCount < 32)
        let other = try await fixture.python("print(os.stat(path).st_size)")
        #expect(other.output == "1048576\n")
        #expect(fixture.tree.waitingRoom.waitingCount == 32)
        hold.release()
        #expect(try await client.firstLine() == "True")
    }

    @Test func `a delayed read and a delayed write still do what they should`() async throws {
        let fixture = try MountFixture()
        fixture.faults.set(.read, .delay(.milliseconds(5)), .corrupt(.bitFlip(bit: 0)))
        fixture.faults.set(.write, .delay(.milliseconds(5)))
        let result = try await fixture.python(
            """
            file = os.open(path, os.O_RDWR)
            print(os.pwrite(file, b'abc', 0), os.pread(file, 3, 0), os.pread(file, 8, 8))
            """)
        #expect(result.output == "3 b'`bc' b'\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x08'\n", "\(result.error)")
    }

    @Test func `an interrupted client gets EINTR, and a killed one goes away at once`() async throws {
        let fixture = try MountFixture()
        fixture.faults.set(.read, .hold(FaultHold()))
        let interrupted = try await fixture.python(
            """
            import signal
            class Alarm(Exception): pass
            def ring(*_): raise Alarm
            # Whoever started this process may have had it blocked.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
            signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.05)
            try: os.pread(os.open(path, os.O_RDONLY), 10, 0)
            except Alarm: print('interrupted')
            """)
        #expect(interrupted.output == "interrupted\n", "\(interrupted.error)")
        let client = try fixture.running("os.pread(os.open(path, os.O_RDONLY), 10, 0)")
        await fixture.until { fixture.tree.waitingRoom.waitingCount == 1 }
        kill(client.processIdentifier, SIGKILL)
        await fixture.until { fixture.tree.waitingRoom.waitingCount == 0 }
        _ = await client.stop()
        fixture.mount.stop()
        #expect(StaleMount.mountedType(at: fixture.mount.path) == nil)
    }

    @Test func `a hang that survives kill -9 ends with the mount, which is gone cleanly`() async throws {
        let fixture = try MountFixture()
        fixture.faults.set(.read, .special("uninterruptible", 0))
        let client = try fixture.running("os.pread(os.open(path, os.O_RDONLY), 10, 0)")
        await fixture.until { fixture.tree.waitingRoom.waitingCount == 1 }
        kill(client.processIdentifier, SIGKILL)
        let other = try await fixture.python("print(os.stat(path).st_size)")
        #expect(other.output == "1048576\n")
        #expect(fixture.tree.waitingRoom.waitingCount == 1)
        fixture.mount.stop()
        _ = await client.stop()
        #expect(StaleMount.mountedType(at: fixture.mount.path) == nil)
    }

    @Test func `files that stay open do not keep the mount`() async throws {
        let fixture = try MountFixture()
        let client = try fixture.running(
            """
            file = os.open(path, os.O_RDONLY)
            print('open')
            while attempt(lambda: len(os.pread(file, 1, 0))) == 1: pass
            print(attempt(lambda: os.pread(file, 1, 0)))
            """)
        #expect(try await client.firstLine() == "open")
        fixture.mount.stop()
        #expect(["ENOTCONN", "ECONNABORTED"].contains(try await client.firstLine()))
        #expect(StaleMount.mountedType(at: fixture.mount.path) == nil)
    }

    @Test func `a crash loses what was not synced, and a restarted store calls old files stale`() async throws
    {
        let fixture = try MountFixture()
        let client = try fixture.running(
            """
            file = os.open(path, os.O_RDWR)
            os.pwrite(file, b'kept', 0); os.fsync(file); os.pwrite(file, b'lost', 4)
            print(os.pread(file, 8, 0)); sys.stdout.flush()
            while attempt(lambda: len(os.pread(file, 1, 0))) == 1: pass
            print(attempt(lambda: os.pread(file, 1, 0)))
            while attempt(lambda: os.pread(file, 1, 0)) == 'ENOTCONN': pass
            print(attempt(lambda: os.pread(file, 1, 0)), os.pread(os.open(path, 0), 8, 0))
            """)
        #expect(try await client.firstLine() == "b'keptlost'")
        fixture.tree.crash()
        #expect(try await client.firstLine() == "ENOTCONN")
        fixture.tree.restart()
        #expect(try await client.firstLine() == "ESTALE b'kept\\x00\\x00\\x00\\x00'")
    }

    @Test func `unmounting by hand ends the service`() async throws {
        let fixture = try MountFixture()
        let result = try await ForeignProgram("umount", fixture.mount.path).run()
        #expect(result.status == 0, "\(result.error)")
        await fixture.until { !fixture.mount.isServing }
        fixture.mount.stop()
        #expect(StaleMount.mountedType(at: fixture.mount.path) == nil)
    }

    @Test func `a mount point in use, or of somebody else, is left alone`() throws {
        let fixture = try MountFixture()
        let error = #expect(throws: MountFailure.self) { try FuseMount(fixture.tree, at: fixture.mount.path) }
        #expect(error?.description.contains("mounted there already") == true)
        #expect(throws: MountFailure.self) { try StaleMount.clear("/proc") }
        #expect(throws: MountFailure.self) { try FuseMount(fixture.tree, at: "/nowhere/at/all") }
    }
}
