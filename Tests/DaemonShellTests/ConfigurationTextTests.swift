import TestSupport
import Testing

@testable import DaemonShell

struct ConfigurationTextTests {
    @Test(arguments: [0, 1, ConfigurationText.maximumByteCount, ConfigurationText.maximumByteCount + 1])
    func `a file is read up to the limit, and refused beyond it`(byteCount: Int) throws {
        let folder = try TemporaryFolder()
        let path = try folder.writePattern(byteCount, to: "file")
        let count = try? ConfigurationText.bytes(of: path).count
        #expect(count == (byteCount <= ConfigurationText.maximumByteCount ? byteCount : nil))
    }

    @Test(arguments: ["/nonexistent/file", "/"])
    func `what cannot be read is said with its path`(path: String) {
        #expect { try ConfigurationText.bytes(of: path) } throws: { "\($0)".hasPrefix("\(path): ") }
    }
}
