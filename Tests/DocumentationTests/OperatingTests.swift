import Testing

/// What deploy/operate.md must not leave out.
@Suite("Operating")
struct OperatingTests {
    /// Words in code spans of the first column of the tables of deploy/operate.md.
    private func rows(_ repository: Repository) throws -> Set<String> {
        let page = try #require(repository.files["deploy/operate.md"])
        var words: Set<String> = []
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let column = line.dropFirst().prefix { $0 != "|" }
            words.formUnion(column.matches(of: /`([^`]+)`/).map { String($0.1) })
        }
        return words
    }

    @Test("every type of problem in openapi.yaml has a row")
    func problems() throws {
        let repository = try Repository()
        let contract = try #require(repository.files["openapi.yaml"])
        let types = Set(contract.matches(of: /- urn:tusk:problem:([a-z\-]+)/).map { String($0.1) })
        #expect(types.count > 40)
        let rows = try rows(repository)
        #expect(types.subtracting(rows).sorted() == [])
    }

    @Test("every alert of the rules has a row")
    func alerts() throws {
        let repository = try Repository()
        let rules = try #require(repository.files["deploy/prometheus/rules.yaml"])
        let alerts = Set(rules.matches(of: /- alert: (\w+)/).map { String($0.1) })
        #expect(alerts.count > 5)
        let rows = try rows(repository)
        #expect(alerts.subtracting(rows).sorted() == [])
    }
}
