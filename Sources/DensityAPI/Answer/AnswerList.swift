import HTTPContent

/// Entries of an answer that is a list, in the order of what was sent: what is said of each, or what is wrong with it.
struct AnswerList: Sendable {
    private let results: [Result<[JSON.Member], Problem>]
    private let files: [String?]

    /// - Parameter files: names of the files that the entries are of, at their indices; none where they are of no files.
    init(_ results: [Result<[JSON.Member], Problem>], files: [String?] = []) {
        (self.results, self.files) = (results, files)
    }

    /// Members `failed`, the number of entries that are problems, and `name`, the entries.
    func members(_ name: String) -> [JSON.Member] {
        let failed = results.count { if case .failure = $0 { true } else { false } }
        let entries = results.indices.map { index in
            Self.entry(index, file: index < files.count ? files[index] : nil, results[index])
        }
        return [.init("failed", .integer(failed)), .init(name, .array(entries))]
    }

    /// The entry at `index`, which names its file where it is of one.
    static func entry(_ index: Int, file: String? = nil, _ result: Result<[JSON.Member], Problem>) -> JSON {
        let place = [JSON.Member("index", .integer(index))] + (file.map { [.init("file", .string($0))] } ?? [])
        switch result {
        case .success(let members): return .object(place + members)
        case .failure(let problem): return .object(place + problem.members)
        }
    }
}
