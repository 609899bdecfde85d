import Foundation

/// Paths from one place to another, for links between files that may be moved together.
enum PathBetween {
    /// `name` as seen from the folder of `file`.
    static func sibling(_ name: String, of file: String) -> String {
        name.hasPrefix("/") ? name : URL(fileURLWithPath: file).deletingLastPathComponent().path + "/" + name
    }

    /// How to get from a folder to a file.
    ///
    /// - Returns: `nil` for a path that leads out of where it claims to be, by "..".
    static func folder(_ folder: String, file: String) -> String? {
        guard !file.split(separator: "/").contains("..") else { return nil }
        let from = parts(folder)
        let to = parts(file)
        let common = zip(from, to).prefix { $0 == $1 }.count
        let up = Array(repeating: "..", count: from.count - common)
        return (up + to[common...]).joined(separator: "/")
    }

    private static func parts(_ path: String) -> [String] {
        URL(fileURLWithPath: path).standardizedFileURL.path.split(separator: "/").map(String.init)
    }
}
