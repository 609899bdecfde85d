internal import WireFormat

/// What a kernel module says of itself in its section `.modinfo`: texts "key=value", each ended by a NUL.
package struct KernelModule: Equatable, Sendable {
    /// As the kernel has it, with underscores: "usb_storage".
    package let name: String
    /// Names of modules that must be there before it.
    package let dependencies: [String]
    /// Names or aliases of what should be loaded before it, where there is such a thing.
    package let wishes: [String]
    package let aliases: [String]

    package init(name: String, dependencies: [String] = [], wishes: [String] = [], aliases: [String] = []) {
        self.name = Self.canonical(name)
        self.dependencies = dependencies.map(Self.canonical)
        self.wishes = wishes.map(Self.canonical)
        self.aliases = aliases.map(Self.canonical)
    }

    /// Reads the `.modinfo` of a module's ELF file, 64 bits, little-endian.
    ///
    /// - Parameter name: of its file, without the endings.
    /// - Returns: `nil` when it is no such file.
    package init?(named name: String, elf file: [UInt8]) {
        guard let section = ELFSections(file)?.section(named: ".modinfo") else { return nil }
        var dependencies: [String] = []
        var wishes: [String] = []
        var aliases: [String] = []
        for text in section.split(separator: 0) {
            guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let key = String(decoding: text[..<equals], as: UTF8.self)
            let value = String(decoding: text[(equals + 1)...], as: UTF8.self)
            switch key {
            case "depends": dependencies = value.split(separator: ",").map(String.init)
            case "softdep" where value.hasPrefix("pre:"):
                let words = value.dropFirst(4).split(separator: " ")
                wishes += words.prefix { $0 != "post:" }.map(String.init)
            case "alias": aliases.append(value)
            default: break
            }
        }
        self.init(name: name, dependencies: dependencies, wishes: wishes, aliases: aliases)
    }

    /// Modules are named with either sign in files, lists and commands.
    package static func canonical(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// - Parameter fileName: "usb-storage.ko", "nbd.ko.xz".
    /// - Returns: the module's name; `nil` when the file is no module.
    package static func name(ofFile fileName: some StringProtocol) -> String? {
        let parts = fileName.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[1] == "ko", !parts[0].isEmpty else { return nil }
        return canonical(String(parts[0]))
    }
}

/// The table of sections of an ELF file.
struct ELFSections {
    private let file: [UInt8]
    private var sections: [(nameOffset: Int, bytes: Range<Int>)] = []
    private var names: Range<Int> = 0..<0

    /// - Returns: `nil` unless it is ELF, 64 bits, little-endian, with a table that lies within the file.
    init?(_ file: [UInt8]) {
        guard file.count >= 64, file.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
        self.file = file
        func number(_ offset: Int, _ byteCount: Int) -> Int? {
            guard offset >= 0, offset + byteCount <= file.count else { return nil }
            return file[offset..<offset + byteCount].reversed()
                .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }.asOffset
        }
        guard let table = number(40, 8), let entryBytes = number(58, 2), let count = number(60, 2),
            let namesIndex = number(62, 2), entryBytes >= 64
        else { return nil }
        for index in 0..<count {
            let entry = table + index * entryBytes
            guard entry + entryBytes <= file.count, let nameOffset = number(entry, 4),
                let start = number(entry + 24, 8),
                let byteCount = number(entry + 32, 8), let kind = number(entry + 4, 4)
            else { return nil }
            // What occupies no bytes of the file.
            let isEmpty = kind == 8 || kind == 0
            guard isEmpty || (start <= file.count && byteCount <= file.count - start) else { return nil }
            sections.append((nameOffset, isEmpty ? 0..<0 : start..<start + byteCount))
        }
        guard sections.indices.contains(namesIndex) else { return nil }
        names = sections[namesIndex].bytes
    }

    func section(named name: String) -> ArraySlice<UInt8>? {
        let wanted = Array(name.utf8) + [0]
        for section in sections {
            let start = names.lowerBound + section.nameOffset
            guard start < names.upperBound else { continue }
            if file[start..<names.upperBound].starts(with: wanted) { return file[section.bytes] }
        }
        return nil
    }
}

extension UInt64 {
    /// `nil` where no offset of a file can be so large.
    fileprivate var asOffset: Int? { self < 1 << 48 ? Int(self) : nil }
}
