import DescriptorPassing
import Glibc
import TestSupport
import Testing

@testable import DaemonShell

struct SupervisorTests {
    /// A datagram socket at a path, which is what a supervisor listens on.
    private final class Listener {
        let descriptor: CInt
        init(at path: String) throws {
            descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(status == 0)
        }
        deinit { close(descriptor) }

        func next() -> String {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test func `each piece of news is a datagram of its own`() throws {
        let folder = try TemporaryFolder()
        let listener = try Listener(at: folder.file("notify"))
        let supervisor = Supervisor { $0 == "NOTIFY_SOCKET" ? folder.file("notify") : nil }
        let news: [(Supervisor.News, String)] = [
            (.ready, "READY=1"), (.stopping, "STOPPING=1"), (.alive, "WATCHDOG=1"),
            (.status("serving"), "STATUS=serving"),
        ]
        for (piece, text) in news {
            #expect(supervisor.tell(piece))
            #expect(listener.next() == text)
        }
        #expect(supervisor.tell(.reloading))
        #expect(listener.next().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    }

    @Test(arguments: [nil, "", "relative", "/nonexistent/socket"] as [String?])
    func `without anybody to tell, nothing happens`(address: String?) {
        #expect(!Supervisor { $0 == "NOTIFY_SOCKET" ? address : nil }.tell(.ready))
    }

    static let watchdogs: [([String: String], Duration?)] = [
        ([:], nil), (["WATCHDOG_USEC": "3000000"], .seconds(3)), (["WATCHDOG_USEC": "0"], nil),
        (["WATCHDOG_USEC": "soon"], nil), (["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "\(getpid())"], .milliseconds(1)),
    ]

    @Test(arguments: watchdogs.indices)
    func `signs of life are given where they are wanted of this process`(index: Int) {
        let (variables, interval) = Self.watchdogs[index]
        #expect(Supervisor { variables[$0] }.watchdogInterval == interval)
    }
}
