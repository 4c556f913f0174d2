import FlowCore

/// Coverage and density of samples: whether they reach all that there is, by nearest neighbours.
///
/// A real image's neighbourhood reaches to its fifth nearest real neighbour.
///
/// - ``coverage``: samples that leave a kind of image out leave its images uncovered, however good the others are.
/// - ``density``: about 1 for samples like the real images, less when they lie apart from them, more when they crowd where the
///   real images do.
///
/// Source: Naeem et al., *Reliable Fidelity and Diversity Metrics for Generative Models* (2020), eqs. 4 and 5,
/// arXiv:2002.09797.
public struct NeighbourCoverage: Sendable, Codable, Equatable {
    /// Fraction of the real images with a sample nearer to them than their fifth nearest real neighbour.
    public var coverage: Double
    /// Mean number of real images' neighbourhoods that a sample lies in, over five.
    public var density: Double

    /// Rank of the neighbour at whose distance an image's neighbourhood ends.
    static let neighbours = 5

    package init(samples: ImageSample, real: ImageSample, threads: Int) throws {
        precondition(real.count > Self.neighbours && samples.count > 0)
        let radii = try real.mapDistances(to: real, threads: threads) { rows, distances in
            rows.map { i in
                let row = distances[(i - rows.lowerBound) * real.count..<(i - rows.lowerBound + 1) * real.count]
                var others = Array(row)
                others.remove(at: i)
                return others.sorted()[Self.neighbours - 1]
            }
        }
        let inside = try real.mapDistances(to: samples, threads: threads) { rows, distances in
            rows.map { i in
                let row = distances[(i - rows.lowerBound) * samples.count..<(i - rows.lowerBound + 1) * samples.count]
                return row.count { $0 < radii[i] }
            }
        }
        coverage = Double(inside.count { $0 > 0 }) / Double(real.count)
        density = Double(inside.reduce(0, +)) / Double(Self.neighbours * samples.count)
    }
}

/// Test of whether samples are copies of training images: the fraction of them that lie nearer to their nearest training image
/// than any other training image does. Held-out images are the yardstick; near-duplicates in the data raise both.
public struct Memorization: Sendable, Codable, Equatable {
    /// Fraction of the samples that lie nearer to their nearest training image than any other training image does.
    public var ofSamples: Double
    /// Fraction of the held-out images that lie nearer to their nearest training image than any other training image does.
    public var ofHeldOut: Double

    enum CodingKeys: String, CodingKey {
        case ofSamples = "of_samples"
        case ofHeldOut = "of_held_out"
    }

    package init(samples: ImageSample, heldOut: ImageSample, train: ImageSample, threads: Int) throws {
        precondition(train.count > 1)
        let spacing = try train.mapDistances(to: train, threads: threads) { rows, distances in
            rows.map { i in
                var nearest = Float.infinity
                for j in 0..<train.count where j != i {
                    nearest = min(nearest, distances[(i - rows.lowerBound) * train.count + j])
                }
                return nearest
            }
        }
        func fraction(_ sample: ImageSample) throws -> Double {
            let near = try sample.mapDistances(to: train, threads: threads) { rows, distances in
                rows.map { i in
                    let row = distances[(i - rows.lowerBound) * train.count..<(i - rows.lowerBound + 1) * train.count]
                    let nearest = row.indices.min { row[$0] < row[$1] }!  // train is not empty
                    return row[nearest] < spacing[nearest - row.startIndex]
                }
            }
            return Double(near.count { $0 }) / Double(sample.count)
        }
        ofSamples = try fraction(samples)
        ofHeldOut = try fraction(heldOut)
    }
}
