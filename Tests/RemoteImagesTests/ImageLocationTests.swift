import Testing
import VirtualMedia

@testable import RemoteImages

struct ImageLocationTests {
    static let good: [(String, url: String, shown: String)] = [
        ("https://h/x", "https://h/x", "https://h/x"),
        ("HTTPS://Host.Example:443/X", "https://host.example/X", "https://host.example/X"),
        ("https://h:8443/a/b.iso?k=v&t=s", "https://h:8443/a/b.iso?k=v&t=s", "https://h:8443/a/b.iso?…"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("https://h:/x%20y", "https://h/x%20y", "https://h/x%20y"),
        ("https://h/x@y:z", "https://h/x@y:z", "https://h/x@y:z"),
    ]

    @Test(arguments: good.indices)
    func `an https URL comes apart and together again`(row: Int) throws {
        let (text, url, shown) = Self.good[row]
        guard case .https(let location) = try ImageLocation(text) else {
            Issue.record("no https location")
            return
        }
        #expect(location.url == url)
        #expect(location.shown == shown)
    }

    @Test(
        arguments: [
            ("", .malformedURL, "empty"), ("https://", .malformedURL, "host name"),
            ("https:///x", .malformedURL, "host"),
            ("https://h", .malformedURL, "no image"), ("https://h/", .malformedURL, "no image"),
            ("https://h?x", .malformedURL, "no image"), ("https://h/d/", .isDirectory, "directory"),
            ("https://h/d/?q", .isDirectory, "directory"), ("https://h/a b", .malformedURL, "space"),
            ("https://h/a\r\nHost: x", .malformedURL, "space"), ("https://h/\\x", .malformedURL, "backslash"),
            ("https://h/ü", .malformedURL, "non-ASCII"), ("https://h/x#y", .malformedURL, "%23"),
            ("https://h/x%2", .malformedURL, "hex"), ("https://h/x%zz", .malformedURL, "hex"),
            ("https://h:0/x", .malformedURL, "port"), ("https://h:65536/x", .malformedURL, "port"),
            ("https://h:+1/x", .malformedURL, "port"), ("https://h:1:2/x", .malformedURL, "port"),
            ("https://[::1/x", .malformedURL, "]"), ("https://[::1]x/x", .malformedURL, "port"),
            ("https://h!/x", .malformedURL, "host"), ("https://h/x\0y", .malformedURL, "NUL"),
            ("http://h/x", .unsupportedScheme, "use https"), ("nfs://h/s/x", .unsupportedScheme, "nfs://"),
            ("ht tp://h/x", .malformedURL, "scheme"), ("file://host/x", .malformedURL, "another host"),
            ("file://x", .malformedURL, "absolute"), ("file:///a%0", .malformedURL, "hex"),
            ("file:///a%00", .malformedURL, "hex"),
        ] as [(String, ImageError.Cause, String)])
    func `a URL that cannot be used says why`(text: String, cause: ImageError.Cause, words: String) {
        let error = #expect(throws: ImageError.self) { try ImageLocation(text) }
        #expect(error?.cause == cause)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test func `a URL of any length is refused beyond its limit`() {
        let text = "https://h/" + String(repeating: "x", count: ImageLocation.maximumURLBytes)
        #expect(throws: ImageError.self) { try ImageLocation(text) }
        #expect(throws: Never.self) { try ImageLocation(String(text.prefix(ImageLocation.maximumURLBytes))) }
    }

    @Test(arguments: [
        ("/srv/a.iso", "/srv/a.iso"), ("a.iso", "a.iso"), ("file:///srv/a%20b%25.iso", "/srv/a b%.iso"),
        ("FILE://localhost/x", "/x"),
    ])
    func `a path or file URL names a local file`(text: String, path: String) throws {
        #expect(try ImageLocation(text) == .file(path: path))
    }
}
