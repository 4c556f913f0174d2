import System

/// Lines of a body out of its parts as they come; those that are empty are passed over.
package struct BodyLines: Sendable {
    /// A line without its end, or the sign that there was a longer one than is read.
    package enum Line: Equatable, Sendable {
        case text(ArraySlice<UInt8>)
        case tooLong
    }

    private let limit: Int
    /// Bytes that came, from the first that was not taken.
    private var bytes: [UInt8] = []
    /// Number of them that hold no end of a line.
    private var searched = 0
    /// Whether what comes is the rest of a line that is too long.
    private var isSkipping = false
    /// Whether nothing more comes.
    package private(set) var hasEnded = false

    /// - Parameter limit: most bytes of a line.
    package init(limit: Int) { self.limit = limit }

    /// Bytes that are held.
    package var heldBytes: Int { bytes.count }

    /// Takes in the next part of the body.
    package mutating func receive(_ part: [UInt8]) { bytes += part }

    /// Notes that nothing more comes: what is there is a line.
    package mutating func end() { hasEnded = true }

    /// The next lines that have come whole, at most `most`.
    package mutating func take(_ most: Int) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while lines.count < most {
            let end = bytes[max(start, searched)...].firstIndex(of: ASCII.lineFeed)
            if let line = line(start, end ?? bytes.count, isWhole: end != nil || hasEnded) { lines.append(line) }
            guard let end else {
                if hasEnded || isSkipping { start = bytes.count }
                break
            }
            start = end + 1
        }
        bytes.removeFirst(start)
        // what is left has a line end only where enough lines were taken
        searched = lines.count < most ? bytes.count : 0
        return lines
    }

    /// What the bytes from `start` to `end` are; nil for no line, or one that goes on.
    private mutating func line(_ start: Int, _ end: Int, isWhole: Bool) -> Line? {
        if isSkipping {
            isSkipping = !isWhole
            return nil
        }
        if end - start > limit {
            isSkipping = !isWhole
            return .tooLong
        }
        let text = bytes[start..<end]
        let isBlank = text.allSatisfy { ASCII.isBlank($0) || $0 == ASCII.carriageReturn }
        return isWhole && !isBlank ? .text(text) : nil
    }
}
