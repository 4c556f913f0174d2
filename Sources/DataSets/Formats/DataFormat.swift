/// Format of a set of images: how it is recognised, in a folder or as one file, and how it is read.
///
/// A format is a file of this folder and a line of ``dataFormats``, from which help and errors take their words.
package protocol DataFormat: Sendable {
    /// Names of the files' formats, such as `IDX`.
    static var names: [String] { get }
    /// Phrase that says which files a folder has, by their names: `NPY arrays called train.npy and train-labels.npy`.
    static var layout: String { get }

    /// Whether the format's files list pictures that lie beside them, so that those are no other data.
    static var listsPictures: Bool { get }

    /// Finds the data that `folder` has in this format; nil when nothing in it is called as the format's files are.
    /// - Throws: ``DataError`` when files are, but do not fit together.
    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)?

    /// Finds the images of one file, with its labels where they lie beside it; nil when the file is not in this format.
    /// - Throws: ``DataError`` when it is, and cannot be read.
    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)?
}

extension DataFormat {
    package static var listsPictures: Bool { false }
}

/// Data that was found, divided into splits or not.
package protocol DataSource {
    /// Splits that have data of their own, none when the data is not divided; nil when only the reading tells.
    var present: Set<Split>? { get }
    /// Name of a file that the data was known by.
    var example: String { get }

    /// Hands over the images of the splits in `wanted` that are ``present``, or all of data that is not divided, or whose splits only
    /// the reading tells; in one pass, and no more of them in memory than one needs.
    /// - Throws: ``DataError`` when nothing more can be read; what is wrong with one image is the sink's to count.
    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError)
}

/// Formats that are read, in the order in which they are tried: the first that finds its files has the data.
package let dataFormats: [any DataFormat.Type] = [
    // by its first bytes an empty tar archive might be an IDX file, and an NPZ file a ZIP archive
    NPZFormat.self,
    ArchiveFormat.self,
    IDXFormat.self,
    NPYFormat.self,
    CIFARFormat.self,
    ArrowFormat.self,
    TableFormat.self,
    PictureFormat.self,
]

extension [any DataFormat.Type] {
    /// Names of the files' formats, one after the other.
    package var names: [String] { flatMap { $0.names } }

    /// Layouts of folders, one after the other: `IDX files called …; or NPY arrays called …`.
    package var layouts: String { map { $0.layout }.joined(separator: "; or ") }
}
