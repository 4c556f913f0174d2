import FlowCore
import FlowModels

/// Images made ready for the flow.
struct PreparedRows {
    /// `[rows, D]`, what the flow sees.
    var x: Matrix
    /// `log p(y) − log p(x)` of each row, nats.
    var logDet: [Double]
    /// `[rows, classes]`, one-hot; nil without.
    var context: Matrix?

    /// `log p(y)` of each row, nats, given what the flow made of ``x``.
    func logProbs(z: Matrix, logDet flowLogDet: [Float]) -> [Double] {
        let base = standardNormalLogDensity(z)
        return base.indices.map { base[$0] + Double(flowLogDet[$0]) + logDet[$0] }
    }
}

/// Turns images into rows: augmentation, dequantization with noise of its own for each image and epoch, preprocessing.
struct RowPreparation {
    let data: ImageDataSet
    let preprocessing: Preprocessing
    let options: TrainingOptions
    /// Classes that the flow is conditioned on; 0 for none.
    let classes: Int

    /// Training rows of `epoch`.
    func training(_ images: ArraySlice<Int>, epoch: Int) -> PreparedRows {
        rows(images) { image in
            let augmentation = Augmentation.draw(options: options, epoch: epoch, image: image)
            return (
                augmentation.applied(to: data[image], shape: data.shape),
                TrainingStream.noise.source(seed: options.seed, epoch: epoch, image: image)
            )
        }
    }

    /// Rows as they are, with the same noise every time.
    func validation(_ images: Range<Int>) -> PreparedRows {
        rows(images) { image in
            (Array(data[image]), TrainingStream.validationNoise.source(seed: options.seed, image: image))
        }
    }

    private func rows(
        _ images: some Collection<Int>, _ draw: (Int) -> (pixels: [UInt8], noise: RandomStream)
    ) -> PreparedRows {
        let dims = data.shape.dims
        var elements: [Float] = []
        elements.reserveCapacity(images.count * dims)
        var logDet: [Double] = []
        for image in images {
            var (pixels, source) = draw(image)
            let noise = (0..<dims).map { _ in source.uniform() }
            var w = [Float](repeating: 0, count: dims)
            var span = w.mutableSpan
            logDet.append(preprocessing.latentInput(pixels: pixels[...], noise: noise, w: &span))
            elements += w
        }
        return PreparedRows(
            x: Matrix(rows: images.count, columns: dims, elements: elements), logDet: logDet, context: context(images))
    }

    /// Classes of some images as one-hot.
    func context(_ images: some Collection<Int>) -> Matrix? {
        guard classes > 0, let labels = data.labels else { return nil }
        var context = Matrix(rows: images.count, columns: classes)
        for (r, image) in images.enumerated() { context[r, labels[image]] = 1 }
        return context
    }
}
