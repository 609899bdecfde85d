import DBusProtocol
import Foundation
import Testing

@testable import VirtualMedia

/// The pages say what the code does.
struct DocumentationTests {
    static func page(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("docs/\(name)"), encoding: .utf8)
    }

    @Test(arguments: CompletionCode.allCases)
    func `every completion code has its row`(code: CompletionCode) throws {
        let rows = try Self.page("dbus-interface.md").split(separator: "\n")
            .filter { $0.hasPrefix("| \(code.rawValue) |") }
        #expect(rows.count == 1)
        #expect(rows.first?.contains("`\(code)`") == true)
    }

    @Test func `every property and method of every interface is on the page`() throws {
        let page = try Self.page("dbus-interface.md")
        let interfaces = [
            MediaInterfaces.mountPoint, MediaInterfaces.process, MediaInterfaces.stats, MediaInterfaces.proxy,
            MediaInterfaces.legacy, MediaInterfaces.slot,
        ]
        for interface in interfaces {
            for property in interface.properties {
                #expect(page.contains("`\(property.name)`"), "\(property.name)")
            }
            for method in interface.methods { #expect(page.contains("`\(method.name)`"), "\(method.name)") }
        }
    }

    @Test func `the file on the configuration page is read without a word`() throws {
        let page = try Self.page("configuration.md")
        let start = try #require(page.firstRange(of: "```json\n"))
        let text = page[start.upperBound...].prefix { $0 != "`" }
        let result = ConfigurationReader.read(Array(text.utf8), file: "page")
        #expect(result.issues.isEmpty)
        #expect(result.configuration?.slots.count == 2)
    }
}
