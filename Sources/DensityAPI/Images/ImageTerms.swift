import HTTPContent
package import Imaging

/// How the images of a request are read, by its query parameters; `tusk score` has options of the same names.
package struct ImageTerms: Sendable {
    /// Conversion of images of another size or colour mode; nil refuses them.
    package var fit: ImageFit?
    /// Order of the axes of arrays; nil where their shapes tell it.
    package var layout: ArrayLayout?
    /// Meaning of the values of arrays; nil where they tell it.
    package var scale: ValueScale?

    package init(fit: ImageFit? = nil, layout: ArrayLayout? = nil, scale: ValueScale? = nil) {
        (self.fit, self.layout, self.scale) = (fit, layout, scale)
    }

    /// Names of the query parameters.
    static let parameters = ["fit", "layout", "scale"]

    /// - Throws: ``QueryError``.
    init(_ query: Query) throws(QueryError) {
        fit = try query.choice("fit", of: ImageFit.self)
        layout = try query.choice("layout", of: ArrayLayout.self)
        scale = try query.choice("scale", of: ValueScale.self)
    }
}
