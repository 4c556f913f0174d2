extension Substring {
    /// The text without blanks and tabs at either end.
    func trimmingSpace() -> Substring {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}

/// `value` in double quotes, cut after 64 characters, for an error's text.
package func quoted(_ value: String) -> String {
    let limit = 64
    return value.count <= limit ? "\"\(value)\"" : "\"\(value.prefix(limit))…\""
}
