/// One file of a configfs item: text in, text out.
struct Attribute {
    /// `nil` makes the file write-only: opening it for reading is EACCES.
    var show: (() throws(Errno) -> String)?
    /// `nil` makes the file read-only.
    var store: ((String) throws(Errno) -> Void)?
}

/// A configfs item with its group operations, as `struct config_item_type` has them: what may be
/// made, linked and removed inside is decided by who owns the directory.
final class ConfigDirectory {
    let name: String
    /// Made together with its parent, not by a user: it cannot be removed.
    let isDefault: Bool
    fileprivate(set) var children: [String: ConfigDirectory] = [:]
    fileprivate(set) var links: [String: ConfigDirectory] = [:]
    /// How many links in the tree point here.
    fileprivate(set) var incomingLinks = 0
    private(set) var attributes: [String: Attribute] = [:]

    /// Makes the item for a `mkdir` inside; `nil` allows none.
    var makeItem: ((String) throws(Errno) -> ConfigDirectory)?
    /// Called when this directory goes.
    var drop: (() -> Void)?
    /// Called before a link to the given target appears inside; `nil` allows none.
    var allowLink: ((ConfigDirectory) throws(Errno) -> Void)?
    var dropLink: ((ConfigDirectory) -> Void)?

    init(_ name: String, isDefault: Bool = false) {
        self.name = name
        self.isDefault = isDefault
    }

    func addDefault(_ child: ConfigDirectory) {
        precondition(child.isDefault, "\(child.name) is no default group")
        children[child.name] = child
    }

    func addAttribute(_ name: String, _ attribute: Attribute) { attributes[name] = attribute }

    /// Directories, links and attributes, sorted.
    var names: [String] {
        (Array(children.keys) + Array(links.keys) + Array(attributes.keys)).sorted()
    }

    /// Links or directories that a user made, here or in a default group below.
    var hasUserContent: Bool {
        !links.isEmpty || children.values.contains { !$0.isDefault || $0.hasUserContent }
    }
}

// MARK: - What only the file system may do

extension ConfigDirectory {
    func insert(_ child: ConfigDirectory) { children[child.name] = child }

    func remove(_ child: ConfigDirectory) { children[child.name] = nil }

    func insertLink(_ name: String, to target: ConfigDirectory) {
        links[name] = target
        target.incomingLinks += 1
    }

    func removeLink(_ name: String) {
        links.removeValue(forKey: name)?.incomingLinks -= 1
    }
}
