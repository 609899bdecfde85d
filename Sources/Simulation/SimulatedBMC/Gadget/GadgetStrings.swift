/// The `strings` group of a gadget or configuration: one directory per language.
final class GadgetStrings {
    /// `USB_MAX_STRING_LEN`, in bytes, a trailing newline included.
    static let maximumStringBytes = 126
    /// `MAX_USB_STRING_LANGS`.
    static let maximumLanguages = 31

    struct Language {
        let identifier: UInt16
        var texts: [String: String]
    }

    let directory = ConfigDirectory("strings", isDefault: true)
    /// By directory name.
    private(set) var languages: [String: Language] = [:]
    private let keys: [String]

    /// - Parameter keys: the attributes that each language has.
    init(keys: [String]) {
        self.keys = keys
        directory.makeItem = { [unowned self] name throws(Errno) in try makeLanguage(name) }
    }

    /// Languages in the order of their identifiers.
    var sorted: [Language] {
        languages.values.sorted { $0.identifier < $1.identifier }
    }

    private func makeLanguage(_ name: String) throws(Errno) -> ConfigDirectory {
        let identifier = try AttributeText.languageIdentifier(name)
        // One language can be written in many ways: 0x409 is 1033.
        guard !languages.values.contains(where: { $0.identifier == identifier }) else { throw .exists }
        guard languages.count < Self.maximumLanguages else { throw .noSpace }
        languages[name] = Language(identifier: identifier, texts: [:])
        let item = ConfigDirectory(name)
        for key in keys {
            item.addAttribute(
                key,
                Attribute(
                    show: { [unowned self] in languages[name]?.texts[key] ?? "" },
                    store: { [unowned self] value throws(Errno) in
                        guard value.utf8.count <= Self.maximumStringBytes else { throw .overflow }
                        languages[name]?.texts[key] = AttributeText.withoutNewline(value)
                    }))
        }
        item.drop = { [unowned self] in languages[name] = nil }
        return item
    }
}
