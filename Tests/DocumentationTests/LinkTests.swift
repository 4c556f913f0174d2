import Testing

/// What pages and comments point to. A list that is not empty names the file and what it points to.
@Suite("Documentation")
struct LinkTests {
    let repository: Repository

    init() throws {
        repository = try Repository()
        try #require(repository.files.keys.contains("README.md"))
    }

    @Test("every link of a page leads to a file, and to a heading of it")
    func links() {
        let link = /\]\(([^)\s#]*)(?:#([^)\s]+))?\)(?:, "([^"]+)")?/
        var broken: [String] = []
        var count = 0
        for (page, text) in repository.files where page.hasSuffix(".md") {
            for match in text.matches(of: link) where !match.1.contains(":") {
                count += 1
                let target = match.1.isEmpty ? page : Repository.resolve(match.1, from: page)
                let headings = repository.headings(of: target ?? "")
                let anchors = headings.map(Repository.anchor(of:))
                if target.map(repository.has) != true
                    || match.2.map({ anchors.contains(String($0)) }) == false
                    || match.3.map({ headings.contains(String($0)) }) == false
                {
                    broken.append("\(page): \(match.0)")
                }
            }
        }
        #expect(broken == [])
        #expect(count > 50)
    }

    @Test("every page that a file cites is there, with the section that it cites")
    func citations() {
        let citation = /(docs\/[\w\/\-]+\.(?:md|png))(?:, "([^"]+)")?/
        var broken: [String] = []
        var count = 0
        for (file, text) in repository.files {
            for line in text.split(separator: "\n") where line.contains("docs/") {
                for match in line.matches(of: citation) where isApart(match.0, in: line) {
                    count += 1
                    let page = String(match.1)
                    if !repository.has(page)
                        || match.2.map({ repository.headings(of: page).contains(String($0)) }) == false
                    {
                        broken.append("\(file): \(match.0)")
                    }
                }
            }
        }
        #expect(broken == [])
        #expect(count > 50)
    }

    @Test("every path of the repository that a file names is there")
    func paths() {
        let path = /(?:Sources|Tests|Benchmarks|Training|Models|scripts|deploy)\/[\w\/.+\-]*\w/
        var broken: [String] = []
        var count = 0
        for (file, text) in repository.files where file != "CHANGELOG.md" {
            // Strings of Swift may name what is not there.
            let marks = file.hasSuffix(".swift") ? "//" : "/"
            for line in text.split(separator: "\n") where line.contains(marks) {
                for match in line.matches(of: path) where isApart(match.0, in: line) {
                    count += 1
                    // A last part in capitals stands for any name.
                    let parts = match.0.split(separator: "/")
                    let isPattern = parts.last?.allSatisfy(\.isUppercase) == true
                    if !repository.has(parts.dropLast(isPattern ? 1 : 0).joined(separator: "/")) {
                        broken.append("\(file): \(match.0)")
                    }
                }
            }
        }
        #expect(broken == [])
        #expect(count > 50)
    }

    @Test("nothing of the program imports all of Foundation, which would bring 40 MB of Unicode data")
    func foundation() {
        let sources = repository.files.filter { $0.key.hasPrefix("Sources/") && $0.key.hasSuffix(".swift") }
        #expect(sources.count > 100)
        let whole = sources.filter { file in
            file.value.split(separator: "\n").contains {
                $0.split(separator: " ").suffix(2) == ["import", "Foundation"]
            }
        }
        #expect(whole.keys.sorted() == [])
    }

    @Test("docs/architecture.md has every module, and README.md's documentation every page")
    func listed() throws {
        let architecture = try #require(repository.files["docs/architecture.md"])
        let modules = Set(
            repository.files.keys.filter { $0.hasPrefix("Sources/") }.map { String($0.split(separator: "/")[1]) })
        #expect(modules.count > 10)
        #expect(modules.filter { !architecture.contains($0) }.sorted() == [])
        let index = try #require(repository.files["docs/README.md"])
        let pages = repository.files.keys.filter {
            $0.hasPrefix("docs/") && $0.hasSuffix(".md") && $0 != "docs/README.md"
        }
        #expect(pages.filter { !index.contains("](\($0.dropFirst("docs/".count)))") }.sorted() == [])
    }

    /// Whether `part` begins a path, and is not the end of a longer one.
    private func isApart(_ part: Substring, in line: Substring) -> Bool {
        guard part.startIndex > line.startIndex else { return true }
        let before = line[line.index(before: part.startIndex)]
        return !before.isLetter && !before.isNumber && !"/._-".contains(before)
    }
}
