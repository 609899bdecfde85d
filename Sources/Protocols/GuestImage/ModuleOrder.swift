/// In which order modules have to be loaded so that each finds what it depends on.
package struct ModuleOrder: Sendable {
    /// The order could not be had, in words.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    private let known: [String: KernelModule]
    private let namesByAlias: [String: [String]]

    /// - Parameter modules: all that can be had.
    package init(_ modules: some Sequence<KernelModule>) {
        var known: [String: KernelModule] = [:]
        var namesByAlias: [String: [String]] = [:]
        for module in modules {
            known[module.name] = module
            for alias in module.aliases { namesByAlias[alias, default: []].append(module.name) }
        }
        self.known = known
        self.namesByAlias = namesByAlias.mapValues { $0.sorted() }
    }

    /// - Parameters:
    ///   - names: of modules, in either spelling.
    ///   - builtIn: what the kernel has anyway.
    /// - Returns: names, each after all that it depends on, each once.
    /// - Throws: for a module that is not there.
    package func order(of names: [String], builtIn: Set<String> = []) throws(Failure) -> [String] {
        var ordered: [String] = []
        var seen: Set<String> = []
        for name in names {
            try add(KernelModule.canonical(name), builtIn, &ordered, &seen, neededBy: nil)
        }
        return ordered
    }

    private func add(
        _ name: String, _ builtIn: Set<String>, _ ordered: inout [String], _ seen: inout Set<String>,
        neededBy: String?
    ) throws(Failure) {
        guard !builtIn.contains(name), seen.insert(name).inserted else { return }
        guard let module = known[name] else {
            let whom = neededBy.map { ", which \($0) depends on" } ?? ""
            throw Failure("this kernel has no module \(name)\(whom)")
        }
        for wish in module.wishes {
            for match in known[wish] == nil ? namesByAlias[wish] ?? [] : [wish] {
                try add(match, builtIn, &ordered, &seen, neededBy: name)
            }
        }
        for dependency in module.dependencies {
            try add(dependency, builtIn, &ordered, &seen, neededBy: name)
        }
        ordered.append(name)
    }

    /// The file `modules.dep` that `modprobe` reads, for all modules: each path, and those it needs, the first
    /// to be loaded last.
    ///
    /// - Parameter path: of a module's file, from the folder with `modules.dep`.
    package func dependencyFile(path: (_ name: String) -> String) -> String {
        var text = ""
        for name in known.keys.sorted() {
            guard let order = try? order(of: [name]) else { continue }
            let needed = order.dropLast().reversed().map(path)
            text += ([path(name) + ":"] + needed).joined(separator: " ") + "\n"
        }
        return text
    }
}
