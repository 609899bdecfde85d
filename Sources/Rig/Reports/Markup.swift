/// HTML, SVG or XML under construction.
///
/// What is interpolated as text comes from outside and is escaped; literals and other markup stand as
/// they are written. So a forgotten escape is a type error, not a hole:
///
///     let cell: Markup = "<td title=\"\(detail)\">\(name)</td>"
package struct Markup: ExpressibleByStringInterpolation, Equatable, Sendable {
    package private(set) var source: String

    package init(stringLiteral: String) { source = stringLiteral }
    package init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }
    package init(_ parts: [Markup] = [], separator: String = "") {
        source = parts.map(\.source).joined(separator: separator)
    }

    package static func + (left: Markup, right: Markup) -> Markup { "\(left)\(right)" }
    package static func += (left: inout Markup, right: Markup) { left.source += right.source }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var source = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            source.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }
        package mutating func appendLiteral(_ literal: String) { source += literal }
        package mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
        package mutating func appendInterpolation(_ markup: Markup?) { source += markup?.source ?? "" }
        package mutating func appendInterpolation(_ text: String) { Markup.escape(text, into: &source) }
        package mutating func appendInterpolation(_ number: some BinaryInteger) { source += "\(number)" }
    }

    /// Safe in text and in quoted attributes, of XML 1.0 as of HTML. Line ends and tabs keep their meaning
    /// in attributes too. Characters that XML cannot hold, that steer terminals or that turn the
    /// direction of writing are shown as pictures of themselves or as U+FFFD.
    static func escape(_ text: String, into source: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": source += "&amp;"
            case "<": source += "&lt;"
            case ">": source += "&gt;"
            case "\"": source += "&quot;"
            case "'": source += "&#39;"
            case "\t", "\n", "\r": source += "&#\(scalar.value);"
            default: source.unicodeScalars.append(visible(scalar))
            }
        }
    }

    /// What stands for a character that must not reach a reader as it is.
    static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        // "Control Pictures" stand in the order of what they picture.
        case 0...0x1F: Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}"
        case 0x7F: "\u{2421}"
        case 0x80...0x9F, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFDD0...0xFDEF: "\u{FFFD}"
        case let value where value & 0xFFFE == 0xFFFE: "\u{FFFD}"
        default: scalar
        }
    }
}
