import Foundation
import Reports

/// Reports as files.
package enum ReportFile {
    /// Whole or not at all; the folder is made where it is missing.
    package static func write(_ text: String, to path: String) throws(ArtefactError) {
        try FileWriting.makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        try FileWriting.write(Array(text.utf8), to: path)
    }

    /// The page of what is at `path`: of the one run of a run folder or an event log, else the summary of all.
    ///
    /// - Parameter output: where the page will stand; links are made from there.
    package static func page(of path: String, for output: String?) throws(ArtefactError) -> String {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let isRunFolder =
            isThere && isFolder.boolValue && FileManager.default.fileExists(atPath: "\(path)/events.jsonl")
        var files: [RunFile] = []
        for name in isRunFolder ? ["\(path)/events.jsonl"] : try ResultsMerge.files([path]) {
            files.append(try RunFile.read(name, keepsEvents: true))
        }
        if files.count == 1, files[0].runs.count == 1, let record = files[0].records.first {
            return RunPage.render(record)
        }
        let folder = output.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
        return RegressionPage.render(ResultsMerge.join(files, pageFolder: folder))
    }
}
