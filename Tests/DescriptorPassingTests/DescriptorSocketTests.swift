import DescriptorPassing
import Foundation
import TestSupport
import Testing

struct DescriptorSocketTests {
    private func connectedPair(_ address: SocketAddress) throws -> (
        client: CInt, server: CInt, listener: CInt
    ) {
        let listener = try DescriptorSocket.listen(at: address)
        let client = try DescriptorSocket.connect(to: address)
        let server = try #require(try DescriptorSocket.accept(listener))
        return (client, server, listener)
    }

    @Test(arguments: [1, 2, 253])
    func `descriptors arrive with the first byte, and open the same file`(count: Int) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(Array("content".utf8), to: "file")
        let pair = try connectedPair(.path(folder.file("socket")))
        let original = open(file, O_RDONLY)
        defer { for open in [pair.client, pair.server, pair.listener, original] { close(open) } }
        let sent = DescriptorSocket.send(
            [[1, 2][...], [3][...]], descriptors: Array(repeating: original, count: count), on: pair.client)
        #expect(sent == .moved(3))
        var descriptors: [CInt] = []
        var buffer = [UInt8](repeating: 0, count: 16)
        let received = buffer.withUnsafeMutableBytes {
            DescriptorSocket.receive(into: $0, descriptors: &descriptors, from: pair.server)
        }
        #expect(received == .moved(3))
        #expect(buffer.prefix(3) == [1, 2, 3])
        #expect(descriptors.count == count)
        var content = [UInt8](repeating: 0, count: 7)
        #expect(pread(descriptors[0], &content, 7, 0) == 7)
        #expect(content == Array("content".utf8))
        #expect(fcntl(descriptors[0], F_GETFD) & FD_CLOEXEC != 0)
        for descriptor in descriptors { close(descriptor) }
    }

    @Test func `nothing to read would block, and a closed peer ends`() throws {
        let folder = try TemporaryFolder()
        let pair = try connectedPair(.path(folder.file("socket")))
        defer { for open in [pair.server, pair.listener] { close(open) } }
        var descriptors: [CInt] = []
        var buffer = [UInt8](repeating: 0, count: 4)
        func receive() -> DescriptorSocket.Outcome {
            buffer.withUnsafeMutableBytes {
                DescriptorSocket.receive(into: $0, descriptors: &descriptors, from: pair.server)
            }
        }
        #expect(receive() == .wouldBlock)
        close(pair.client)
        #expect(receive() == .ended)
        #expect(DescriptorSocket.send([[1][...]], on: pair.server) == .ended)
    }

    @Test func `the kernel tells who is at the other end`() throws {
        let name = "mediarig-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let pair = try connectedPair(.abstract(name))
        defer { for open in [pair.client, pair.server, pair.listener] { close(open) } }
        let peer = try #require(DescriptorSocket.peer(of: pair.server))
        #expect(peer.userID == geteuid())
        #expect(peer.processID == UInt32(getpid()))
        #expect(peer.groupIDs.contains(getegid()))
    }

    @Test(arguments: [(107, nil), (108, ENAMETOOLONG)] as [(Int, CInt?)])
    func `a path of 107 bytes fits and one of 108 does not`(byteCount: Int, code: CInt?) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/" + String(repeating: "s", count: byteCount - folder.path.utf8.count - 1)
        let outcome = Result { () throws(SocketError) in try DescriptorSocket.listen(at: .path(path)) }
        switch outcome {
        case .success(let listener):
            #expect(code == nil)
            close(listener)
        case .failure(let error): #expect(error.errno == code)
        }
    }

    @Test(arguments: [("missing", ENOENT), ("stale", ECONNREFUSED)])
    func `connecting to nobody says why`(name: String, code: CInt) throws {
        let folder = try TemporaryFolder()
        if name == "stale" { close(try DescriptorSocket.listen(at: .path(folder.file(name)))) }
        let error = #expect(throws: SocketError.self) {
            try DescriptorSocket.connect(to: .path(folder.file(name)))
        }
        #expect(error?.errno == code)
    }
}
