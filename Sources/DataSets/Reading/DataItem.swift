package import FlowCore
package import System

/// An image of a data source, as it is found there.
package struct DataItem {
    /// What there is of the image.
    package enum Content {
        /// File of a picture, in any format that is decoded.
        case picture([UInt8])
        /// Path of a file of a picture, which is read when its turn comes.
        case file(FilePath)
        /// Levels of an image of this shape, row-major `[height, width, channels]`.
        case levels([UInt8], EventShape)
    }

    /// Class of the image, as the source has it.
    package enum Label: Hashable {
        case name(String)
        /// Number of the class, from 0.
        case number(Int)
    }

    /// Where the label and the split come from.
    package enum Origin {
        /// The source says them; nil for what it does not say.
        case said(label: Label?, split: Split?)
        /// The names of folders say them: the path from the root of a tree of files, such as `train/cat/1.png`.
        case tree([UInt8])
    }

    /// Place of the image in errors, such as `set.tar:cat/1.png`.
    package var name: String
    package var content: Content
    package var origin: Origin

    package init(name: String, content: Content, origin: Origin = .said(label: nil, split: nil)) {
        (self.name, self.content, self.origin) = (name, content, origin)
    }
}
