internal import GuestImage

/// The modules of one kernel, on disk.
struct ModuleLibrary {
    /// By name: the file, from the folder.
    private var paths: [String: String] = [:]
    private var modules: [String: KernelModule] = [:]
    private let builtIn: Set<String>
    private let folder: String

    /// - Parameters:
    ///   - folder: `/lib/modules/RELEASE`.
    ///   - readsAll: reads every module; otherwise only those of `names` and what they need.
    init(folder: String, readsAll: Bool = false) throws(RigFailure) {
        self.folder = folder
        for path in FileAccess.files(below: "\(folder)/kernel") {
            guard let file = path.split(separator: "/").last, let name = KernelModule.name(ofFile: file)
            else { continue }
            paths[name] = "kernel/\(path)"
        }
        guard !paths.isEmpty else { throw RigFailure(.usage, "\(folder): there are no kernel modules") }
        let list = (try? FileAccess.read("\(folder)/modules.builtin")) ?? []
        builtIn = Set(
            String(decoding: list, as: UTF8.self).split(separator: "\n").compactMap { line in
                line.split(separator: "/").last.flatMap { KernelModule.name(ofFile: $0) }
            })
        if readsAll { for name in paths.keys { _ = try module(name) } }
    }

    var dependencyFile: String {
        ModuleOrder(modules.values).dependencyFile { paths[$0] ?? "" }
    }

    /// - Returns: the modules to load, in order, with their files' content.
    mutating func closure(of names: [String]) throws(RigFailure) -> [(name: String, bytes: [UInt8])] {
        // What is not asked for is not read: there are thousands.
        var open = names.map(KernelModule.canonical)
        while let name = open.popLast() {
            guard modules[name] == nil, let module = try module(name) else { continue }
            open += module.dependencies
            open += module.wishes.flatMap { wish in paths[wish] == nil ? providers(of: wish) : [wish] }
        }
        let order: [String]
        do throws(ModuleOrder.Failure) {
            order = try ModuleOrder(modules.values).order(of: names, builtIn: builtIn)
        } catch { throw RigFailure(.environment, "\(folder): \(error)") }
        var loaded: [(name: String, bytes: [UInt8])] = []
        for name in order { loaded.append((name, try content(of: name))) }
        return loaded
    }

    /// Modules whose file is named after what they provide: "crct10dif" is provided by "crct10dif_generic".
    private func providers(of wish: String) -> [String] {
        paths.keys.filter { $0.hasPrefix(wish + "_") }.sorted()
    }

    private mutating func module(_ name: String) throws(RigFailure) -> KernelModule? {
        if let known = modules[name] { return known }
        guard paths[name] != nil else { return nil }
        guard let module = KernelModule(named: name, elf: try content(of: name)) else {
            throw RigFailure(.environment, "\(folder)/\(paths[name] ?? name): no kernel module")
        }
        modules[name] = module
        return module
    }

    /// Not compressed.
    private func content(of name: String) throws(RigFailure) -> [UInt8] {
        let path = "\(folder)/\(paths[name] ?? name)"
        let program: [String]
        switch path.split(separator: ".").last {
        case "xz": program = ["xz", "--decompress", "--stdout", path]
        case "zst": program = ["zstd", "--decompress", "--stdout", "--quiet", path]
        case "gz": program = ["gzip", "--decompress", "--stdout", path]
        default: return try FileAccess.read(path)
        }
        return try ChildProgram.run(program, within: .seconds(60)).output
    }
}
