/// Colour on which a picture with an alpha channel is composed, and that fills what a picture of another shape leaves empty.
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

    /// Pixel of the colour in `mode`, a value a channel, each the nearest of `levels`; where pictures keep their alpha, a transparent one
    /// of zeros, through which any background shows.
    public func pixel(in mode: ColorMode, levels: Int = 256) -> [UInt8] {
        let color = SIMD3(Int(red), Int(green), Int(blue))
        let values =
            switch mode {
            case .gray: [luma(color)]
            case .rgb: [red, green, blue]
            case .grayAlpha, .rgba: [UInt8](repeating: 0, count: mode.channels)
            }
        return values.map { UInt8((Int($0) * (levels - 1) * 2 + 255) / 510) }
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
