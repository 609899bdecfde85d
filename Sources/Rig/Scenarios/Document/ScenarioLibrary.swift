package import Foundation

/// The scenarios in a folder and the folders in it: those that are shipped, or one's own.
package struct ScenarioLibrary: Sendable {
    package let folder: URL

    package init(folder: URL) { self.folder = folder }

    /// The one that goes with the program: above the working folder, or above the program itself.
    package static func shipped(program: String, workingFolder: String) -> ScenarioLibrary? {
        for start in [workingFolder, program] {
            var folder = URL(fileURLWithPath: start).resolvingSymlinksInPath()
            for _ in 0..<maximumSteps where folder.path != "/" {
                let library = folder.appendingPathComponent("scenarios")
                let mark = library.appendingPathComponent("schema.json").path
                if FileManager.default.fileExists(atPath: mark) { return ScenarioLibrary(folder: library) }
                folder.deleteLastPathComponent()
            }
        }
        return nil
    }

    /// Folders looked into on the way up.
    private static let maximumSteps = 12

    /// From the folder on, sorted: "field/udc-taken.yaml".
    package var files: [String] {
        let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".yaml") }.sorted()
    }

    package func url(of file: String) -> URL { folder.appendingPathComponent(file) }

    /// By its file without the ending, or by the last part of it: "field/udc-taken", "udc-taken".
    package func file(named name: String) -> String? {
        let file = name.hasSuffix(".yaml") ? name : "\(name).yaml"
        return files.first { $0 == file } ?? files.first { $0.hasSuffix("/\(file)") }
    }

    /// - Throws: ``ScenarioDocumentError``, also where the file cannot be read.
    package func scenario(_ file: String) throws(ScenarioDocumentError) -> Scenario {
        try Self.scenario(atPath: url(of: file).path)
    }

    package static func scenario(atPath path: String) throws(ScenarioDocumentError) -> Scenario {
        let text: String
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            guard let decoded = String(validating: data, as: UTF8.self) else {
                throw ScenarioDocumentError(file: path, [ScenarioProblem(nil, path: "", "it is not UTF-8")])
            }
            text = decoded
        } catch let error as ScenarioDocumentError {
            throw error
        } catch {
            let reason = (error as? CocoaError)?.localizedDescription ?? "\(error)"
            throw ScenarioDocumentError(
                file: path, [ScenarioProblem(nil, path: "", "cannot be read: \(reason)")])
        }
        return try ScenarioDocument.read(text, file: path)
    }
}
