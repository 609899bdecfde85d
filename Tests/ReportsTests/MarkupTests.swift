import Testing

@testable import Reports

struct MarkupTests {
    @Test(
        arguments: [
            ("</script>", "&lt;/script&gt;"), ("a&b", "a&amp;b"), ("\"'", "&quot;&#39;"),
            ("a\tb\nc\rd", "a&#9;b&#10;c&#13;d"), ("\0\u{1B}[31m\u{7F}", "␀␛[31m␡"),
            ("\u{85}\u{FFFE}", "\u{FFFD}\u{FFFD}"),
            ("\u{202E}gpj", "\u{FFFD}gpj"), ("schön 画像 👩‍🚀", "schön 画像 👩‍🚀"), ("]]>", "]]&gt;"),
        ] as [(String, String)])
    func `text from outside is escaped wherever it stands`(text: String, escaped: String) {
        let element: Markup = "<p>\(text)</p>"
        #expect(element.source == "<p>\(escaped)</p>")
    }

    @Test func `markup and numbers stand as they are`() {
        let inner: Markup = "<b>\(7)</b>"
        let missing: Markup? = nil
        #expect(("<p>\(inner)\(missing)</p>" as Markup).source == "<p><b>7</b></p>")
        #expect((inner + inner).source == "<b>7</b><b>7</b>")
    }
}
