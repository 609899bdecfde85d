import Foundation
import HostObserver

/// What all pages have around their content: one file, nothing fetched, nothing run but the page's own script.
enum PageFrame {
    static func page(title: String, header: Markup, main: Markup) -> String {
        // Trusted text of ours, as it must stand: neither holds "</".
        let style = Markup(stringLiteral: PageStyle.source)
        let script = Markup(stringLiteral: PageScript.source)
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width,initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <meta http-equiv="Content-Security-Policy" content="\(policy)"/>
            <title>\(title.onOneLine.cut(to: 120))</title>
            <style>\(style)</style></head>
            <body><a class="skip" href="#main">Skip to the results</a>
            <header>\(header)</header>
            <main id="main">\(main)</main>
            <footer><p class="note">Made by mediarig. This file is complete: it fetches nothing and sends nothing.</p></footer>
            <script>\(script)</script></body></html>

            """
        return page.source
    }

    /// Even if text from a record became markup, it could run nothing and reach nobody.
    private static var policy: String {
        let digest = SHA256.text(Array(PageScript.source.utf8)[...])
        var bytes = Data()
        var rest = Substring(digest)
        while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) {
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-\(bytes.base64EncodedString())'; "
            + "base-uri 'none'; form-action 'none'"
    }

    static func section(_ identifier: String, _ heading: String, _ content: Markup) -> Markup {
        """
        <section aria-labelledby="\(identifier)"><h2 id="\(identifier)">\(heading)</h2>
        \(content)</section>

        """
    }

    static func navigation(_ sections: [(identifier: String, heading: String)]) -> Markup {
        let items = Markup(sections.map { "<li><a href=\"#\($0.identifier)\">\($0.heading)</a></li>" })
        return "<nav aria-label=\"Sections\"><ul>\(items)</ul></nav>"
    }

    static func tiles(_ tiles: [(name: String, value: String)]) -> Markup {
        let list = Markup(tiles.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" })
        return "<dl class=\"tiles\">\(list)</dl>"
    }

    static func facts(_ facts: [(name: String, value: Markup)]) -> Markup {
        let list = Markup(facts.map { "<dt>\($0.name)</dt><dd>\($0.value)</dd>\n" })
        return "<dl class=\"facts\">\(list)</dl>"
    }

    static func badge(_ verdict: Markup, _ words: String) -> Markup {
        "<span class=\"badge \(verdict)\">\(words)</span>"
    }

    static func command(_ text: String, identifier: Markup) -> Markup {
        guard !text.isEmpty else { return "<p class=\"dim\">None is known.</p>" }
        return """
            <pre id="\(identifier)">\(text)</pre>
            <div class="tools"><button type="button" data-copy="\(identifier)">Copy the command</button></div>
            """
    }
}
