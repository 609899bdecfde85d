/// The part of configfs that is the same for every subsystem: paths, and which errno the virtual
/// file system gives before a subsystem is even asked.
final class ConfigFileSystem {
    /// `NAME_MAX`.
    static let maximumNameBytes = 255
    /// One page less its terminator; what is longer is cut, as a short write would.
    static let maximumAttributeBytes = 4095

    let root: ConfigDirectory

    init(root: ConfigDirectory) { self.root = root }

    func makeDirectory(_ path: String) throws(Errno) {
        let (parent, name) = try parentAndName(of: path)
        guard !contains(name, in: parent) else { throw .exists }
        guard let makeItem = parent.makeItem else { throw .notPermitted }
        parent.insert(try makeItem(name))
    }

    func removeDirectory(_ path: String) throws(Errno) {
        let (parent, name) = try parentAndName(of: path)
        guard let directory = parent.children[name] else {
            throw contains(name, in: parent) ? .notDirectory : .noEntry
        }
        guard !directory.isDefault else { throw .notPermitted }
        guard directory.incomingLinks == 0 else { throw .busy }
        guard !directory.hasUserContent else { throw .notEmpty }
        parent.remove(directory)
        directory.drop?()
    }

    func makeLink(at path: String, to target: String) throws(Errno) {
        let (parent, name) = try parentAndName(of: path)
        guard !contains(name, in: parent) else { throw .exists }
        guard let allowLink = parent.allowLink else { throw .notPermitted }
        guard let item = try? directory(target) else { throw .noEntry }
        try allowLink(item)
        parent.insertLink(name, to: item)
    }

    func removeLink(_ path: String) throws(Errno) {
        let (parent, name) = try parentAndName(of: path)
        guard let target = parent.links[name] else {
            if parent.children[name] != nil { throw .isDirectory }
            throw parent.attributes[name] != nil ? .notPermitted : .noEntry
        }
        parent.dropLink?(target)
        parent.removeLink(name)
    }

    func read(_ path: String) throws(Errno) -> String {
        guard let show = try attribute(path).show else { throw .accessDenied }
        return try show()
    }

    /// - Parameter value: what one write call carries; a trailing newline counts for the rules.
    func write(_ value: String, to path: String) throws(Errno) {
        guard let store = try attribute(path).store else { throw .accessDenied }
        let cut = value.utf8.prefix(Self.maximumAttributeBytes)
        try store(String(Substring(cut)))
    }

    func list(_ path: String) throws(Errno) -> [String] { try directory(path).names }

    // MARK: Paths

    private func attribute(_ path: String) throws(Errno) -> Attribute {
        let (parent, name) = try parentAndName(of: path)
        if let attribute = parent.attributes[name] { return attribute }
        throw contains(name, in: parent) ? .isDirectory : .noEntry
    }

    private func contains(_ name: String, in directory: ConfigDirectory) -> Bool {
        directory.children[name] != nil || directory.links[name] != nil || directory.attributes[name] != nil
    }

    private func directory(_ path: String) throws(Errno) -> ConfigDirectory {
        try walk(Self.names(in: path)[...])
    }

    private func parentAndName(of path: String) throws(Errno) -> (ConfigDirectory, String) {
        let names = Self.names(in: path)
        guard let name = names.last else { throw .exists }
        guard name.utf8.count <= Self.maximumNameBytes else { throw .nameTooLong }
        return (try walk(names.dropLast()), name)
    }

    /// By bytes, as the kernel cuts: finding the borders of characters was a quarter of a look at a gadget.
    private static func names(in path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    private func walk(_ names: ArraySlice<String>) throws(Errno) -> ConfigDirectory {
        var directory = root
        for name in names {
            guard let next = directory.children[name] ?? directory.links[name] else {
                throw directory.attributes[name] != nil ? .notDirectory : .noEntry
            }
            directory = next
        }
        return directory
    }
}
