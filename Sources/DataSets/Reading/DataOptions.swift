package import Archives
internal import Arrow
public import Imaging
internal import System

/// How images are read, and what is made of them.
public struct DataOptions: Sendable {
    /// Number of values of a dimension, 2 to 256; a value must be less.
    public var levels: Int
    /// Size that every image is brought to; nil leaves each its own.
    public var size: ImageSize?
    /// How an image of another shape is brought to ``size``.
    public var fit: ImageFit
    /// Channels that every image is brought to; nil leaves each its own.
    public var mode: ColorMode?
    /// Whether pictures of 16 bits a channel are rounded to 8; else they are refused unless ``size`` or ``mode`` changes them anyway.
    public var roundsTo8Bits: Bool
    /// Whether the transparency of pictures is a channel of theirs; else they are composed on ``background``.
    public var keepsAlpha: Bool
    /// What pictures with transparency are composed on, and colour of the padding of ``ImageFit/contain``.
    public var background: Background
    /// Meaning of the values of arrays; nil for levels, where they can be nothing else.
    public var scale: ValueScale?
    /// Order of the axes of arrays of images; nil where their shapes tell.
    public var layout: ArrayLayout?
    /// Whether files that cannot be read are left out and counted; else they are an error, when all have been looked at.
    public var skipsBad: Bool
    /// Most bytes of pixels that are kept in memory; more are kept in a temporary file.
    public var memory: Int
    /// Folder of the temporary file.
    public var scratch: String
    /// Bounds of an archive; those of its entries are a folder's and a table's too.
    package var archive = ArchiveLimits()
    /// Most bytes of a batch of an Arrow file that is in memory as a whole.
    package var batchBytes = ArrowLimits().batchBytes
    /// Most bytes of a field of a table.
    package var fieldBytes = DelimitedText.Limits().fieldBytes
    /// Most fields of a line of a table.
    package var fields = DelimitedText.Limits().fields
    /// Bounds of a picture that is decoded.
    public var limits: DecodeLimits
    /// Never changes what is read.
    public var threads: Int
    /// Told the number of images that were read, now and then.
    public var progress: (@Sendable (_ images: Int) -> Void)?

    /// Most bytes of pixels in memory by default: 4 GiB.
    public static let standardMemory = 1 << 32

    /// The defaults read images as they are.
    public init(levels: Int = 256) {
        self.levels = levels
        fit = .cover
        roundsTo8Bits = false
        keepsAlpha = false
        background = .white
        skipsBad = false
        memory = Self.standardMemory
        scratch = "/var/tmp"
        limits = DecodeLimits()
        threads = Processors.count
    }

    /// Bounds of an Arrow file.
    var arrow: ArrowLimits { ArrowLimits(batchBytes: batchBytes, ratio: archive.ratio) }

    /// Bounds of a table.
    var table: DelimitedText.Limits {
        DelimitedText.Limits(fieldBytes: fieldBytes, fields: fields, records: archive.entries)
    }
}

/// Height and width in pixels.
public struct ImageSize: Equatable, Sendable, CustomStringConvertible {
    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) {
        precondition(height > 0 && width > 0)
        (self.height, self.width) = (height, width)
    }

    /// Width before height, as `640×480`.
    public var description: String { "\(width)×\(height)" }
}
