import VirtualMedia

/// One system call on configfs. `IMAGES`, `UDC0` and `UDC1` stand for what the subject has.
package enum ConfigFSStep: Sendable, CustomStringConvertible {
    case mkdir(String), rmdir(String), link(String, to: String), unlink(String)
    case write(String, String), read(String), list(String)

    package var description: String {
        switch self {
        case .mkdir(let path): "mkdir \(Self.short(path))"
        case .rmdir(let path): "rmdir \(path)"
        case .link(let path, let target): "ln -s \(target) \(path)"
        case .unlink(let path): "rm \(path)"
        case .write(let path, let value): "echo '\(Self.short(value))' > \(path)"
        case .read(let path): "cat \(path)"
        case .list(let path): "ls \(path)"
        }
    }

    private static func short(_ text: String) -> String {
        let shown = text.count > 48 ? "\(text.prefix(24))… (\(text.utf8.count) bytes)" : text
        return String(shown.map { $0 == "\n" ? "␊" : $0 == "\0" ? "␀" : $0 })
    }

    func perform(on subject: ContractSubject) async throws(SystemError) {
        let tree = subject.gadgets
        switch self {
        case .mkdir(let path): try await tree.makeDirectory(path)
        case .rmdir(let path): try await tree.removeDirectory(path)
        case .link(let path, let target): try await tree.makeLink(at: path, to: target)
        case .unlink(let path): try await tree.removeLink(path)
        case .write(let path, let value): try await tree.write(Self.fill(value, subject), to: path)
        case .read(let path): _ = try await tree.read(path)
        case .list(let path): _ = try await tree.list(path)
        }
    }

    private static func fill(_ value: String, _ subject: ContractSubject) -> String {
        let places = [
            ("IMAGES", subject.imageFolder), ("UDC0", subject.controllerNames[0]),
            ("UDC1", subject.controllerNames[1]), ("NBD0", "/dev/\(subject.devices[0])"),
        ]
        for (mark, text) in places where value.hasPrefix(mark) { return text + value.dropFirst(mark.count) }
        return value
    }
}

/// Gadgets in the states that the rules tell apart, each built as the service builds them.
package enum GadgetState: String, CaseIterable, Sendable {
    case nothing, empty, unlinked, assembled, loaded, bound
    case boundLoaded = "bound and loaded"

    package var steps: [ConfigFSStep] {
        switch self {
        case .nothing: []
        case .empty: [.mkdir("g1")]
        case .unlinked: Self.assembly("g1").dropLast()
        case .assembled: Self.assembly("g1")
        case .loaded: Self.assembly("g1") + [Self.load]
        case .bound: Self.assembly("g1") + [.write("g1/UDC", "UDC0")]
        case .boundLoaded: Self.assembly("g1") + [Self.load, .write("g1/UDC", "UDC0")]
        }
    }

    /// Identifiers, strings, configuration, function with a second unit, link.
    package static func assembly(_ gadget: String) -> [ConfigFSStep] {
        [
            .mkdir(gadget),
            .write("\(gadget)/idVendor", "0x1d6b"), .write("\(gadget)/idProduct", "0x0104"),
            .mkdir("\(gadget)/strings/0x409"), .write("\(gadget)/strings/0x409/manufacturer", "OpenBMC"),
            .mkdir("\(gadget)/configs/c.1"), .mkdir("\(gadget)/configs/c.1/strings/0x409"),
            .mkdir("\(gadget)/functions/mass_storage.0"),
            .mkdir("\(gadget)/functions/mass_storage.0/lun.1"),
            .link("\(gadget)/configs/c.1/mass_storage.0", to: "\(gadget)/functions/mass_storage.0"),
        ]
    }

    static let load = ConfigFSStep.write("\(ConfigFSRule.lun)/file", "IMAGES/disk.img")
}

extension ContractSubject {
    /// - Throws: a breach when a step fails that must not.
    func perform(_ steps: [ConfigFSStep]) async throws {
        for step in steps {
            do throws(SystemError) { try await step.perform(on: self) } catch {
                throw ContractBreach("\(step): \(error)")
            }
        }
    }

    func attribute(_ path: String) async throws -> String {
        do throws(SystemError) { return try await gadgets.read(path) } catch {
            throw ContractBreach("\(error)")
        }
    }
}
