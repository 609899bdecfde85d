import Testing

@testable import FaultyMount

struct NodeTableTests {
    @Test func `numbers follow names through renames, removals and replacements`() {
        let table = NodeTable()
        let folder = table.found("folder", in: 1, device: 1, inode: 10)
        let file = table.found("disk", in: folder, device: 1, inode: 11)
        #expect(table.path(of: 1) == "")
        #expect(table.path(of: file) == "folder/disk")
        #expect(table.found("disk", in: folder, device: 1, inode: 11) == file)
        table.renamed("folder", in: 1, to: "moved", in: 1)
        #expect(table.path(of: file) == "moved/disk")
        // Another file under the old name is another node; the old one has no path any more.
        let other = table.found("disk", in: folder, device: 1, inode: 12)
        #expect(other != file && table.path(of: file) == nil)
        table.removed("disk", in: folder)
        #expect(table.path(of: other) == nil)
    }

    @Test func `a node is forgotten once the kernel has forgotten it as often as it was told`() {
        let table = NodeTable()
        let file = table.found("disk", in: 1, device: 1, inode: 11)
        #expect(table.found("disk", in: 1, device: 1, inode: 11) == file)
        table.forget(file, count: 1)
        #expect(table.path(of: file) == "disk")
        table.forget(file, count: 1)
        #expect(table.path(of: file) == nil)
        #expect(table.found("disk", in: 1, device: 1, inode: 11) != file)
        table.forget(999, count: 5)
    }
}
