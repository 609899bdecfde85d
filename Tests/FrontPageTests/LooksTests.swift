import Foundation
import TestSupport
import Testing

/// What can be said of looks without eyes: names, contrast, widths, themes, keys.
@Suite(.serialized, .enabled(if: Browser.isUsable, Browser.comment))
struct LooksTests {
    /// Gives the texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3), as a list of words.
    static let pale = """
        (() => {
            const luminance = (channels) => {
                const [r, g, b] = channels.map((one) => one / 255)
                    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
            const behind = (element) => {
                for (let one = element; one; one = one.parentElement) {
                    const found = channels(getComputedStyle(one).backgroundColor);
                    if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
                }
                return [255, 255, 255];
            };
            const pale = [];
            const root = document.querySelector('dialog[open]') ?? document.body;
            const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const element = walker.currentNode.parentElement;
                const text = walker.currentNode.textContent.trim();
                if (text === '' || !element.checkVisibility() || element.closest('.unseen, :disabled, template, option')) continue;
                const [front, back] = [channels(getComputedStyle(element).color), behind(element)].map(luminance);
                const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
                if (contrast < 4.5) pale.push(`${contrast.toFixed(2)} "${text}"`);
            }
            return pale;
        })()
        """

    /// Roles that have to have a name of their own.
    static let named: Set = [
        "button", "link", "textbox", "checkbox", "radio", "combobox", "progressbar", "image", "img", "dialog",
        "region", "heading", "list",
    ]

    private static func expectNames(_ browser: Browser, _ view: String) async throws {
        var count = 0
        for control in try await browser.tell("names").list.map(\.list) where named.contains(control[0].text)
        {
            count += 1
            #expect(
                !control[1].text.isEmpty || control[0].text == "list",
                "\(view): a \(control[0].text) has no name")
        }
        #expect(count > 2, "\(view): \(count) controls")
    }

    private static func expectContrast(_ browser: Browser, _ view: String) async throws {
        for scheme in ["light", "dark"] {
            try await browser.tell("scheme", ["scheme": scheme])
            // Colours change in steps.
            try await browser.wait("document.getAnimations().length === 0")
            let pale = try await browser.evaluate(pale).list.map(\.text)
            #expect(pale.isEmpty, "\(view), \(scheme): \(pale)")
        }
    }

    @Test func `everything has a name, can be read in both themes, and fits a phone`() async throws {
        let bench = try await PageBench(slots: 4, hasAttentiveHosts: true)
        let browser = bench.browser
        try await browser.wait("!document.getElementById('login').hidden")
        try await Self.expectNames(browser, "log-in")
        try await Self.expectContrast(browser, "log-in")
        try await bench.logIn(password: "wrong")
        try await browser.wait("!document.getElementById('login-error').hidden")
        try await Self.expectContrast(browser, "log-in refused")
        try await bench.logIn()
        let path = try bench.folder.writePattern(1 << 20, to: "disk.img", seed: 1)
        try await bench.choose(path, for: "Slot_0")
        try await bench.state("Slot_0", is: "Inserted")
        try await browser.evaluate(
            "\(PageBench.part("Slot_2", "insert")).click();"
                + "document.querySelector('#url-dialog input[value=slot]').click()")
        try await Self.expectNames(browser, "dialogue")
        try await Self.expectContrast(browser, "dialogue")
        try await browser.evaluate(
            """
            document.getElementById('url-image').value = 'https://127.0.0.1:1/none';
            document.getElementById('url-insert').click()
            """)
        try await browser.wait("!document.getElementById('url-error').hidden")
        try await Self.expectContrast(browser, "dialogue refused")
        try await browser.tell("key", ["key": "Escape"])
        try await browser.wait("!document.getElementById('url-dialog').open")
        try await bench.isShown("Slot_2", "failure")
        try await Self.expectNames(browser, "slots")
        try await Self.expectContrast(browser, "slots")
        for (width, height) in [(1280, 900), (390, 844), (320, 640)] {
            try await browser.tell("size", [:], ["width": width, "height": height])
            let excess = try await browser.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth")
            #expect(excess.number <= 0, "\(width) wide: \(excess.number) more is needed")
        }
        await bench.stop()
    }

    @Test func `a theme that was chosen stays, whatever the system prefers`() async throws {
        let bench = try await PageBench()
        let browser = bench.browser
        let ground = "getComputedStyle(document.body).backgroundColor"
        try await browser.tell("scheme", ["scheme": "light"])
        let light = try await browser.evaluate(ground).text
        try await browser.evaluate("document.getElementById('theme').click()")
        try await browser.wait("document.getElementById('theme').textContent === 'Light theme'")
        let dark = try await browser.evaluate(ground).text
        #expect(light != dark)
        try await browser.tell("reload")
        #expect(try await browser.evaluate(ground).text == dark)
        try await browser.evaluate("localStorage.clear()")
        try await browser.tell("reload")
        #expect(try await browser.evaluate(ground).text == light)
        try await browser.tell("scheme", ["scheme": "dark"])
        try await browser.wait("\(ground) === '\(dark)'")
        await bench.stop()
    }

    @Test func `the page can be used with keys alone`() async throws {
        let bench = try await PageBench()
        let browser = bench.browser
        let focused = "document.activeElement.textContent.trim() || document.activeElement.id"
        try await browser.wait("document.activeElement.id === 'login-name'")
        try await bench.logIn()
        try await browser.wait("document.querySelectorAll('.slot').length === 2")
        try await browser.wait("document.activeElement.id === 'main'")
        var order: [String] = []
        for _ in 0..<3 {
            try await browser.tell("key", ["key": "Tab"])
            order.append(try await browser.evaluate(focused).text)
        }
        #expect(order.first == "Choose a file" && order.last == "Insert from a server", "\(order)")
        let ring = try await browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        #expect(ring.text != "none")
        try await browser.tell("key", ["key": "Enter"])
        try await browser.wait("document.activeElement.id === 'url-image'")
        try await browser.tell("key", ["key": "Escape"])
        // Where it was before.
        try await browser.wait("document.activeElement.dataset.part === 'insert'")
        await bench.stop()
    }
}
