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
    /// Colour on which pictures with alpha are composed for a model that has none, and of the padding of ``ImageFit/contain``; nil
    /// composes them on white where `fit` converts them, and else refuses them, and pads with white.
    package var background: Background?

    package init(
        fit: ImageFit? = nil, layout: ArrayLayout? = nil, scale: ValueScale? = nil, background: Background? = nil
    ) {
        (self.fit, self.layout, self.scale, self.background) = (fit, layout, scale, background)
    }

    /// Names of the query parameters.
    static let parameters = ["fit", "layout", "scale", "background"]

    /// - Throws: ``QueryError``.
    init(_ query: Query) throws(QueryError) {
        fit = try query.choice("fit", of: ImageFit.self)
        layout = try query.choice("layout", of: ArrayLayout.self)
        scale = try query.choice("scale", of: ValueScale.self)
        background = try query["background"].map { text throws(QueryError) in
            guard let background = Background(text) else {
                throw QueryError.invalid(
                    name: "background", expected: "\(Background.choice), where # is %23 in a URL", value: text)
            }
            return background
        }
    }
}
