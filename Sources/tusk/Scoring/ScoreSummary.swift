import FlowModels

/// What is kept of all images together, whatever their number: counts, a number an image, and the oddest images.
struct ScoreSummary {
    /// One of the oddest images.
    struct Odd {
        var source: String
        var index: Int?
        var score: ImageScore
        var pixels: [UInt8]
        /// Higher is odder.
        var oddness: Double
    }

    /// Images with a score.
    private(set) var scored = 0
    /// Images and files without one.
    private(set) var failed = 0
    /// Images of each verdict.
    private(set) var verdicts: [Verdict: Int] = [:]
    /// Log-densities in the order of the images, nats, if pictures are wanted.
    private(set) var logProbs: [Double] = []
    /// Images of each rank, by ``ConformalRank/count``; empty where there are no ranks.
    private(set) var ranks: [Int] = []
    /// The oddest images, the oddest first; of a model without ranks those of the least log-density.
    private(set) var oddest: [Odd] = []

    /// Whether log-densities and images are kept.
    let keepsImages: Bool
    /// Most images of ``oddest``.
    let mostOddest: Int

    init(keepsImages: Bool, mostOddest: Int = 30) {
        self.keepsImages = keepsImages
        self.mostOddest = mostOddest
    }

    mutating func addFailure() { failed += 1 }

    mutating func add(_ image: ImageScorer.Scored, source: String, index: Int?) {
        let score = image.score
        scored += 1
        if let verdict = score.verdict { verdicts[verdict, default: 0] += 1 }
        guard keepsImages else { return }
        logProbs.append(score.logProb)
        if let rank = score.rank {
            if ranks.isEmpty { ranks = Array(repeating: 0, count: rank.total + 1) }
            ranks[rank.count] += 1
        }
        let oddness = score.oddness ?? -score.logProb
        if oddest.count == mostOddest, oddness <= oddest[mostOddest - 1].oddness { return }
        // behind those that are as odd
        let place = oddest.firstIndex { $0.oddness < oddness } ?? oddest.count
        oddest.insert(
            Odd(source: source, index: index, score: score, pixels: image.pixels, oddness: oddness), at: place)
        if oddest.count > mostOddest { oddest.removeLast() }
    }

    /// Adds the pixel maps of ``oddest``.
    mutating func addPixelMaps(_ maps: [PixelMap]) {
        precondition(maps.count == oddest.count)
        for index in maps.indices { oddest[index].score.pixelMap = maps[index] }
    }

    /// Images whose verdict is at least as odd as `verdict`.
    func count(from verdict: Verdict) -> Int {
        let order = Verdict.allCases  // typical, unusual, outlier
        return order[order.firstIndex(of: verdict)!...].reduce(0) { $0 + verdicts[$1, default: 0] }
    }
}

extension ImageScore {
    /// Score of the image by all its evidence, of which ``rank`` is the rank; nil where that is.
    var oddness: Double? {
        guard rank != nil, let evidence = draws[0].evidence else { return nil }
        return record.decision(givenClass: classIndex)?.sighting(of: evidence).score
    }
}
