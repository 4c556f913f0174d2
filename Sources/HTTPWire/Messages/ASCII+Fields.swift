package import System

/// Classes of bytes of RFC 9110, section 5.6, and RFC 3986.
extension ASCII {
    /// Whether a field value may hold `byte`: visible ASCII, space, tab and, for old peers, bytes above ASCII.
    @inline(__always)
    package static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : byte == tab
    }

    /// Whether `byte` is visible ASCII.
    @inline(__always)
    package static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

    /// Whether `byte` is of `unreserved / sub-delims` (RFC 3986), of which a registered name is made, beside percent-encoding.
    static func isHostName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"),
            UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

extension Span<UInt8> {
    /// Whether `range` spells `word`, which is in lower case, whatever its own case is.
    func spells(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<range.count
        where unsafe ASCII.lowercased(self[range.lowerBound + index]) != word.utf8Start[index] { return false }
        return true
    }

    /// Whether `range` is `word`, byte for byte.
    func reads(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where unsafe self[range.lowerBound + index] != word.utf8Start[index] {
            return false
        }
        return true
    }

    /// `range` without blanks at its ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (first, last) = (range.lowerBound, range.upperBound)
        while first < last, ASCII.isBlank(self[first]) { first += 1 }
        while last > first, ASCII.isBlank(self[last - 1]) { last -= 1 }
        return first..<last
    }

    /// Removes the next element of the comma-separated list that `rest` is (RFC 9110, section 5.6.1), and returns it
    /// without blanks around it. It may be empty; a list of nothing has one empty element.
    func nextElement(_ rest: inout Range<Int>?) -> Range<Int>? {
        guard let list = rest else { return nil }
        var end = list.lowerBound
        while end < list.upperBound, self[end] != UInt8(ascii: ",") { end += 1 }
        rest = end < list.upperBound ? end + 1..<list.upperBound : nil
        return trimmed(list.lowerBound..<end)
    }

    /// Whether all of `range` is of a class of bytes.
    func all(_ range: Range<Int>, _ isMember: (UInt8) -> Bool) -> Bool {
        for index in range where !isMember(self[index]) { return false }
        return true
    }

    /// The text of `range`, which is ASCII or repaired.
    func text(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether `range` is `uri-host [ ":" port ]` (RFC 9110, section 7.2) without user information. A host may be
    /// empty only where there is no port either.
    package func isAuthority(_ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        if index < range.upperBound, self[index] == UInt8(ascii: "[") {
            let first = index + 1
            while index < range.upperBound, self[index] != UInt8(ascii: "]") { index += 1 }
            guard index < range.upperBound, isAddress(first..<index) else { return false }
            index += 1
        } else {
            while index < range.upperBound, self[index] != ASCII.colon {
                if self[index] == UInt8(ascii: "%") {
                    guard index + 2 < range.upperBound, ASCII.hexValue(self[index + 1]) != nil,
                        ASCII.hexValue(self[index + 2]) != nil
                    else { return false }
                } else if !ASCII.isHostName(self[index]) {
                    return false
                }
                index += 1
            }
            if index == range.lowerBound { return range.isEmpty }
        }
        if index == range.upperBound { return true }
        guard self[index] == ASCII.colon, range.upperBound - index <= 6 else { return false }
        var port = 0
        for digit in index + 1..<range.upperBound {
            guard ASCII.isDigit(self[digit]) else { return false }
            port = port * 10 + Int(self[digit] - UInt8(ascii: "0"))
        }
        return port <= 65_535
    }

    /// Whether `range` may stand between the brackets of an IP literal (RFC 3986, section 3.2.2): the characters of an
    /// IPv6 address, or `v`, a version, and what follows it.
    private func isAddress(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if ASCII.lowercased(self[range.lowerBound]) == UInt8(ascii: "v") {
            var index = range.lowerBound + 1
            while index < range.upperBound, ASCII.hexValue(self[index]) != nil { index += 1 }
            guard index > range.lowerBound + 1, index + 1 < range.upperBound, self[index] == UInt8(ascii: ".") else {
                return false
            }
            return all(index + 1..<range.upperBound) { ASCII.isHostName($0) || $0 == ASCII.colon }
        }
        var colons = 0
        for index in range {
            if self[index] == ASCII.colon { colons += 1 }
            guard
                self[index] == ASCII.colon || self[index] == UInt8(ascii: ".")
                    || ASCII.hexValue(self[index]) != nil
            else { return false }
        }
        return (2...8).contains(colons)
    }
}
