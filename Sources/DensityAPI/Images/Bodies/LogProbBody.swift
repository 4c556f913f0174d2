import HTTPContent

/// The images of a `/logprob` body, held against the model.
package struct LogProbBody: Sendable {
    /// Image of a body that was taken apart, and not decoded.
    enum Item: Sendable {
        /// A row of the model, or what is wrong with the image.
        case row(Result<[UInt8], Problem>)
        case encoded(EncodedImage)
    }

    /// A body that was taken apart; its images are still to be decoded.
    struct Parts: Sendable {
        var items: [Item]
        /// Names of the files that the items are of; none but in multipart bodies.
        var files: [String?] = []
        var isList: Bool
    }

    /// Rows of the model, or what is wrong with the image in that place.
    package var images: [Result<[UInt8], Problem>]
    /// Names of the files that the images are of, at their indices; none but in multipart bodies.
    package var files: [String?] = []
    /// Whether the answer is a list, although it may hold one image.
    package var isList: Bool
    /// Time of threads of the decoding lane that its images took; zero of what is decoded in place.
    package var decodingTime = Duration.zero

    /// Rows of all images, where none may be bad.
    /// - Throws: the problem of the first that is, which names it where there are several.
    func rows() throws(Problem) -> [[UInt8]] {
        var rows: [[UInt8]] = []
        for (index, image) in images.enumerated() {
            do throws(Problem) {
                rows.append(try image.get())
            } catch {
                throw images.count == 1 ? error : error.of(imageName(index, of: images.count, files))
            }
        }
        return rows
    }
}

/// An image of several in words, with its file's name where it has one.
/// - Parameter files: names of the files that the images are of, at their indices; none but in multipart bodies.
func imageName(_ index: Int, of count: Int, _ files: [String?]) -> String {
    let file = index < files.count ? files[index] : nil
    return "image \(index + 1) of \(count)" + (file.map { ", \(quoted($0))" } ?? "")
}
