/// Colour on which a picture with an alpha channel is composed.
public struct Background: Sendable, Equatable, LosslessStringConvertible {
    /// Red, green and blue, 0 to 255 each.
    public let red, green, blue: UInt8

    public static let white = Background(red: 255, green: 255, blue: 255)
    public static let black = Background(red: 0, green: 0, blue: 0)

    /// What is taken in words, for messages.
    public static let choice = "white, black or #rrggbb"

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// The colour of "white", "black", or "#" and six hexadecimal digits; nil for anything else.
    public init?(_ description: String) {
        switch description {
        case "white": self = .white
        case "black": self = .black
        default:
            let digits = description.utf8.dropFirst()
            guard description.utf8.first == UInt8(ascii: "#"), digits.count == 6,
                digits.allSatisfy({
                    UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 | 0x20
                }),
                let number = UInt32(Substring(digits), radix: 16)
            else { return nil }
            self.init(
                red: UInt8(number >> 16), green: UInt8(truncatingIfNeeded: number >> 8),
                blue: UInt8(truncatingIfNeeded: number))
        }
    }

    /// The colour's name, or `#rrggbb`.
    public var description: String {
        switch self {
        case .white: "white"
        case .black: "black"
        default:
            "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
