import Foundation
import HTTPTypes
import Testing

@testable import WebFront

/// What a browser gets at each path of the page.
struct PageFilesTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/Service/FrontPage/page")
    let page = PageFiles()

    private func answer(
        _ path: String, _ method: HTTPRequest.Method = .get, ifNoneMatch: String? = nil
    ) throws -> WebAnswer {
        var request = HTTPRequest(method: method, scheme: "https", authority: "bmc", path: path)
        request.headerFields[.ifNoneMatch] = ifNoneMatch
        return try #require(page.answer(request))
    }

    private func bytes(_ answer: WebAnswer) -> [UInt8] {
        if case .bytes(let bytes) = answer.body { bytes } else { [] }
    }

    @Test func `every file of the folder is served, byte by byte as it is there, and nothing else`() throws {
        // package.json tells other programs that these are modules.
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
            .filter { $0 != "package.json" }
        let paths = names.map { $0 == "index.html" ? "/" : "/page/\($0)" }.sorted()
        #expect(paths == page.paths)
        for name in names {
            let answer = try answer(name == "index.html" ? "/" : "/page/\(name)")
            #expect(answer.head.status == .ok)
            #expect(bytes(answer) == Array(try Data(contentsOf: Self.folder.appendingPathComponent(name))))
        }
    }

    @Test(arguments: [
        ("/", "text/html; charset=utf-8"), ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/main.js", "text/javascript; charset=utf-8"), ("/page/icon.svg", "image/svg+xml"),
        ("/?from=a-link", "text/html; charset=utf-8"),
    ])
    func `a file has its media type, and nothing may be guessed`(path: String, mediaType: String) throws {
        let head = try answer(path).head
        #expect(head.headerFields[.contentType] == mediaType)
        #expect(head.headerFields[.xContentTypeOptions] == "nosniff")
    }

    @Test(arguments: ["/", "/page/main.js", "/page/nothing"])
    func `no answer lets anything in that is not ours, nor a frame around it`(path: String) throws {
        let fields = try answer(path).head.headerFields
        let policy = try #require(fields[.contentSecurityPolicy])
        let directives = policy.split(separator: ";").map { $0.trimmingPrefix(" ") }
        for directive in [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'none'",
        ] {
            #expect(directives.contains { $0 == directive }, "\(directive)")
        }
        #expect(directives.contains("frame-ancestors 'none'") && directives.contains("base-uri 'none'"))
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("data:"))
        #expect(fields[HTTPField.Name("X-Frame-Options")!] == "DENY")
        #expect(fields[HTTPField.Name("Referrer-Policy")!] == "no-referrer")
        #expect(fields[HTTPField.Name("Cross-Origin-Opener-Policy")!] == "same-origin")
    }

    @Test func `the page holds no script or style of its own, and loads nothing from elsewhere`() throws {
        let text = String(decoding: bytes(try answer("/")), as: UTF8.self)
        for found in [" style=", "<style", " onclick=", " onload=", "javascript:", "http://"] {
            #expect(!text.contains(found), "\(found)")
        }
        for script in text.split(separator: "<script").dropFirst() {
            #expect(script.prefix { $0 != ">" }.contains("src=\"/page/"), "\(script.prefix(60))")
        }
        // Whatever the page names is there.
        for attribute in ["src=\"", "href=\"/"] {
            for rest in text.split(separator: attribute).dropFirst() {
                let path = (attribute.hasSuffix("/") ? "/" : "") + rest.prefix { $0 != "\"" }
                #expect(page.paths.contains(String(path)), "\(path)")
            }
        }
    }

    @Test func `each module imports only files that are served`() throws {
        for path in page.paths where path.hasSuffix(".js") {
            let text = String(decoding: bytes(try answer(path)), as: UTF8.self)
            for rest in text.split(separator: " from \"./").dropFirst() {
                #expect(page.paths.contains("/page/" + rest.prefix { $0 != "\"" }), "\(path)")
            }
            for construct in ["innerHTML", "eval(", "new Function", "document.write"] {
                #expect(!text.contains(construct), "\(path) uses \(construct)")
            }
        }
    }

    @Test func `a copy that is still right is not sent again`() throws {
        let first = try answer("/page/main.js").head
        let tag = try #require(first.headerFields[.eTag])
        #expect(first.headerFields[.cacheControl] == "no-cache")
        for list in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
            let again = try answer("/page/main.js", ifNoneMatch: list)
            #expect(again.head.status == .notModified && bytes(again).isEmpty, "\(list)")
            #expect(again.head.headerFields[.eTag] == tag)
        }
        for list in ["\"other\"", tag.replacingOccurrences(of: "\"", with: ""), ""] {
            #expect(try answer("/page/main.js", ifNoneMatch: list).head.status == .ok, "\(list)")
        }
        #expect(try answer("/").head.headerFields[.eTag] != tag)
    }

    @Test(arguments: [
        "/page/", "/page", "/page/nothing.js", "/page/../main.js", "/page/%2e%2e/main.js", "/page//main.js",
        "/page/main.js/", "/page/MAIN.JS", "/page/package.json", "/page/index.html", "/page/..%2fstyle.css",
        "/page/main.js%00", "//page/main.js", "/index.html", "/redfish/v1", "",
    ])
    func `only known paths are answered, whatever they look like`(path: String) {
        let request = HTTPRequest(method: .get, scheme: "https", authority: "bmc", path: path)
        let status = page.answer(request)?.head.status
        #expect(status == nil || status == .notFound)
        if path.hasPrefix("/page/") { #expect(status == .notFound) }
    }

    @Test(arguments: [HTTPRequest.Method.post, .put, .delete, .patch, .options])
    func `the page can only be read`(method: HTTPRequest.Method) throws {
        let head = try answer("/", method).head
        #expect(head.status == .methodNotAllowed)
        #expect(head.headerFields[.allow] == "GET, HEAD")
    }

    @Test func `HEAD is answered as GET is`() throws {
        #expect(try answer("/", .head).head == (try answer("/")).head)
    }
}
