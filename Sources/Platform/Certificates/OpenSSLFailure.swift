internal import COpenSSL

/// OpenSSL could not do what was asked; carries its first error in words.
package struct OpenSSLFailure: Error, CustomStringConvertible, Sendable {
    package let description: String

    /// Empties the calling thread's error queue.
    package init(during operation: String) {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else {
            description = "\(operation) failed"
            return
        }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        description =
            "\(operation): "
            + String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
