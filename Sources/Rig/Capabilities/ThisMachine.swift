import Glibc

/// The machine we run on.
package struct ThisMachine: Machine {
    private let searchPath: [String]

    /// - Parameter path: the PATH to search; system folders that a user's PATH leaves out are added.
    package init(path: String) {
        searchPath = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
    }

    package func executable(_ name: String) -> String? {
        searchPath.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    package func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package func canReadAndWrite(_ path: String) -> Bool { access(path, R_OK | W_OK) == 0 }

    package func names(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    package func hasModule(_ name: String) -> Bool {
        if exists("/sys/module/\(name)") { return true }
        var names = utsname()
        guard uname(&names) == 0 else { return false }
        let release = withUnsafeBytes(of: &names.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let needle = Array("/\(name).ko".utf8)
        return ["modules.dep", "modules.builtin"].contains { file in
            lines(of: "/lib/modules/\(release)/\(file)").contains { line in
                contains(needle, in: line.prefix { $0 != UInt8(ascii: ":") })
            }
        }
    }

    package var isRoot: Bool { geteuid() == 0 }

    private func lines(of path: String) -> [ArraySlice<UInt8>] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes.append(contentsOf: buffer.prefix(count))
        }
        return bytes.split(separator: UInt8(ascii: "\n"))
    }

    private func contains(_ needle: [UInt8], in line: ArraySlice<UInt8>) -> Bool {
        guard line.count >= needle.count else { return false }
        return (line.startIndex...(line.endIndex - needle.count)).contains {
            line[$0...].starts(with: needle)
        }
    }
}
