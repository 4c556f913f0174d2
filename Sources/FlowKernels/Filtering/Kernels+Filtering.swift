import CFlowKernels

/// Tiles of an image in an array: `tiles` of them side by side.
package struct ImageTiles: Sendable {
    /// Index of the first channel of the first tile's first pixel.
    package var offset: Int
    /// Elements from one pixel of a row to the next.
    package var pixelStride: Int
    /// Elements from one row to the next.
    package var rowStride: Int
    /// Rows of the image from that pixel on; what is beyond is read as zero, and not written.
    package var rows: Int
    /// Columns of the image from that pixel on.
    package var columns: Int
    /// Number of tiles.
    package var tiles: Int
    /// Largest column at which a tile begins, from the first tile on: one that would begin beyond it begins there.
    package var lastColumn: Int

    package init(
        offset: Int, pixelStride: Int, rowStride: Int, rows: Int, columns: Int, tiles: Int, lastColumn: Int = .max
    ) {
        self.offset = offset
        self.pixelStride = pixelStride
        self.rowStride = rowStride
        self.rows = rows
        self.columns = columns
        self.tiles = tiles
        self.lastColumn = lastColumn
    }

    /// Whether the pixels that are there lie in an array of `count` elements.
    func fits(_ count: Int, channels: Int) -> Bool {
        offset >= 0 && rows > 0 && columns > 0 && pixelStride >= 0 && rowStride >= 0
            && offset + (rows - 1) * rowStride + (columns - 1) * pixelStride + channels <= count
    }
}

/// Values of tiles at the points of a filter in an array: channel `c` of tile `t` at point `p` is at
/// `offset + p · pointStride + t · channels + c`.
package struct TileValues: Sendable {
    /// Index of the first channel of the first tile at the first point.
    package var offset: Int
    /// Elements from one point to the next.
    package var pointStride: Int

    package init(offset: Int, pointStride: Int) {
        self.offset = offset
        self.pointStride = pointStride
    }

    func fits(_ count: Int, points: Int, tiles: Int, channels: Int) -> Bool {
        offset >= 0 && pointStride >= tiles * channels
            && offset + (points - 1) * pointStride + tiles * channels <= count
    }
}

/// Minimal filtering, ``TileFilter``: transforms of an image's tiles, whose channels are a multiple of 16, and the products at the
/// points. The plain twins are those of
/// ``Reference``, by the factors of ``MinimalFilter`` in double precision.
extension Kernels {
    /// Sets the values of input tiles at the points. Tiles stand ``MinimalFilter/outputs`` pixels apart and read
    /// ``MinimalFilter/points`` each way.
    package func inputTiles(
        _ filter: TileFilter, _ x: [Float], _ image: ImageTiles, channels: Int, to v: inout [Float],
        _ values: TileValues
    ) {
        setValues(FLOW_TILES_INPUT, filter, x, image, channels, &v, values)
    }

    /// Sets the values at the points of gradients by outputs: the transpose of ``outputTiles(_:_:_:channels:bias:to:_:)``.
    package func spreadTiles(
        _ filter: TileFilter, _ dy: [Float], _ image: ImageTiles, channels: Int, to v: inout [Float],
        _ values: TileValues
    ) {
        setValues(FLOW_TILES_SPREAD, filter, dy, image, channels, &v, values)
    }

    private func setValues(
        _ direction: flow_tiles_direction, _ filter: TileFilter, _ x: [Float], _ image: ImageTiles, _ channels: Int,
        _ v: inout [Float], _ values: TileValues
    ) {
        check(filter, image, x.count, values, v.count, channels)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe v.withUnsafeMutableBufferPointer { v in
                // Read alone, whatever its type says.
                let x = unsafe UnsafeMutablePointer(mutating: x.baseAddress!)
                unsafe run(direction, filter, x, image, channels, v.baseAddress!, values, nil)
            }
        }
    }

    /// Sets outputs from products at the points, and adds `bias`, `[channels]`.
    package func outputTiles(
        _ filter: TileFilter, _ v: [Float], _ values: TileValues, channels: Int, bias: [Float], to y: inout [Float],
        _ image: ImageTiles
    ) {
        check(filter, image, y.count, values, v.count, channels)
        precondition(bias.count >= channels)
        unsafe v.withUnsafeBufferPointer { v in
            unsafe bias.withUnsafeBufferPointer { bias in
                unsafe y.withUnsafeMutableBufferPointer { y in
                    let v = unsafe UnsafeMutablePointer(mutating: v.baseAddress!)
                    unsafe run(
                        FLOW_TILES_OUTPUT, filter, y.baseAddress!, image, channels, v, values, bias.baseAddress!)
                }
            }
        }
    }

    /// Multiplies at every point, `output[q, t, o] = Σᵢ weights[q, i, o] · input[q, t, i]`: one chain of multiply-adds over rising
    /// `i`.
    ///
    /// - Parameters:
    ///   - weights: `[points][panels][inputs][32]`, the last panel of 16 or 32 outputs.
    ///   - input: `[points, tiles, inputs]`, points `inputStride` apart.
    ///   - output: `[points, tiles, outputs]`, points `outputStride` apart.
    ///   - outputs: a multiple of 16.
    /// - Complexity: `points · tiles · inputs · outputs` multiply-adds; no allocation.
    package func filterProduct(
        weights: [Float], _ input: [Float], inputStride: Int, to output: inout [Float], outputStride: Int, points: Int,
        tiles: Int, inputs: Int, outputs: Int
    ) {
        precondition(points > 0 && tiles > 0 && inputs > 0 && outputs > 0 && outputs % 16 == 0)
        precondition(weights.count >= points * inputs * outputs)
        let (read, written) = (
            TileValues(offset: 0, pointStride: inputStride), TileValues(offset: 0, pointStride: outputStride)
        )
        precondition(read.fits(input.count, points: points, tiles: tiles, channels: inputs))
        precondition(written.fits(output.count, points: points, tiles: tiles, channels: outputs))
        unsafe weights.withUnsafeBufferPointer { weights in
            unsafe input.withUnsafeBufferPointer { input in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    var p = unsafe flow_filter_product(
                        weights: weights.baseAddress!, input: input.baseAddress!, input_stride: inputStride,
                        output: output.baseAddress!, output_stride: outputStride, points: points, tiles: tiles,
                        inputs: inputs, outputs: outputs)
                    unsafe table.pointee.filter_product(&p)
                }
            }
        }
    }

    private func check(
        _ filter: TileFilter, _ image: ImageTiles, _ imageCount: Int, _ values: TileValues, _ valueCount: Int,
        _ channels: Int
    ) {
        precondition(channels > 0 && channels % 16 == 0 && image.tiles > 0)
        precondition(image.fits(imageCount, channels: channels) && image.lastColumn >= 0)
        // the first pixel of every tile is there
        precondition(min((image.tiles - 1) * filter.columns.outputs, image.lastColumn) < image.columns)
        precondition(
            values.fits(valueCount, points: filter.points, tiles: image.tiles, channels: channels))
    }

    /// Calls the kernel, whose indices ``check(_:_:_:_:_:_:)`` has proved.
    private func run(
        _ direction: flow_tiles_direction, _ filter: TileFilter, _ x: UnsafeMutablePointer<Float>, _ image: ImageTiles,
        _ channels: Int, _ v: UnsafeMutablePointer<Float>, _ values: TileValues, _ bias: UnsafePointer<Float>?
    ) {
        var p = unsafe flow_tiles()
        unsafe p.row_points = Int32(filter.rows.points)
        unsafe p.column_points = Int32(filter.columns.points)
        unsafe p.row_outputs = Int32(filter.rows.outputs)
        unsafe p.column_outputs = Int32(filter.columns.outputs)
        unsafe p.image = x + image.offset
        unsafe p.pixel_stride = image.pixelStride
        unsafe p.row_stride = image.rowStride
        unsafe p.rows = image.rows
        unsafe p.columns = image.columns
        unsafe p.last_column = image.lastColumn
        unsafe p.points = v + values.offset
        unsafe p.point_stride = values.pointStride
        unsafe p.channels = channels
        unsafe p.tiles = image.tiles
        unsafe p.bias = bias
        unsafe table.pointee.tiles(direction, &p)
    }
}
