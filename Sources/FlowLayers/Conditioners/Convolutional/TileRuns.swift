import FlowKernels

/// Tiles of an image in the order of their rows, in groups that are computed together, and those in runs of one row.
struct TileRuns: Sendable {
    /// Tiles side by side.
    struct Run: Sendable {
        /// Row of pixels and column of the first tile's first output.
        let (row, column): (Int, Int)
        /// Number of tiles.
        let tiles: Int
        /// Place of the first tile in its group.
        let place: Int
    }

    /// Tiles that are computed together.
    struct Group: Sendable {
        /// Number of tiles.
        let tiles: Int
        /// Indices of their runs.
        let runs: Range<Int>
    }

    let grid: ImageGrid
    let all: [Run]
    let groups: [Group]
    /// Number of tiles of the largest group.
    let mostTiles: Int
    /// Row and column at which a tile begins that ends where the image does.
    private let (lastRow, lastColumn): (Int, Int)

    /// - Parameter atATime: most tiles of a group; groups are of nearly equal size.
    init(_ filter: TileFilter, on grid: ImageGrid, atATime: Int) {
        let across = (grid.width + filter.columns.outputs - 1) / filter.columns.outputs
        let tiles = filter.tiles(height: grid.height, width: grid.width)
        let count = (tiles + atATime - 1) / atATime
        var runs: [Run] = []
        groups = (0..<count).map { group in
            let (first, end) = (group * tiles / count, (group + 1) * tiles / count)
            let firstRun = runs.count
            var tile = first
            while tile < end {
                let (row, column) = tile.quotientAndRemainder(dividingBy: across)
                let length = min(across - column, end - tile)
                runs.append(
                    Run(
                        row: row * filter.rows.outputs, column: column * filter.columns.outputs, tiles: length,
                        place: tile - first))
                tile += length
            }
            return Group(tiles: end - first, runs: firstRun..<runs.count)
        }
        self.grid = grid
        all = runs
        mostTiles = (tiles + count - 1) / count
        (lastRow, lastColumn) = (
            max(0, grid.height - filter.rows.outputs), max(0, grid.width - filter.columns.outputs)
        )
    }

    /// Returns the tiles of the inputs of a run, in an image with its border, whose kernel reads from `dy` rows below and `dx` columns
    /// beside the output's pixel on.
    /// - Parameter overlap: whether tiles that would lie across the image's edge begin before it, so that they overlap those before
    ///   them: they are quicker where outputs may be computed twice.
    func inputs(_ run: Run, offset: Int, channels: Int, dy: Int, dx: Int, overlap: Bool) -> ImageTiles {
        tiles(
            run, offset, channels, dy: dy, dx: dx, height: grid.height + grid.pad, width: grid.width + grid.pad, overlap
        )
    }

    /// Returns the tiles of the outputs of a run, in an image without its border.
    func outputs(_ run: Run, offset: Int, channels: Int, overlap: Bool) -> ImageTiles {
        tiles(run, offset, channels, dy: 0, dx: 0, height: grid.height, width: grid.width, overlap)
    }

    private func tiles(
        _ run: Run, _ offset: Int, _ channels: Int, dy: Int, dx: Int, height: Int, width: Int, _ overlap: Bool
    ) -> ImageTiles {
        let first = overlap ? min(run.column, lastColumn) : run.column
        let (row, column) = ((overlap ? min(run.row, lastRow) : run.row) + dy, first + dx)
        return ImageTiles(
            offset: offset + (grid.origin + row * grid.pitch + column) * channels, pixelStride: channels,
            rowStride: grid.pitch * channels, rows: height - row, columns: width - column, tiles: run.tiles,
            lastColumn: overlap ? lastColumn - first : .max)
    }
}
