import HTTPContent
import HTTPTypes
import Testing

@Suite("Accept")
struct AcceptTests {
    private static let offers: [MediaType] = [.json, .png, .npy]

    private func best(_ values: String...) throws(NotAcceptableError) -> MediaType {
        var fields = HTTPFields()
        for value in values { fields.append(HTTPField(name: .accept, value: value)) }
        return try Accept(fields).best(of: Self.offers)
    }

    @Test(
        "the client's quality decides, then how exactly it named a type, then our own order",
        arguments: [
            ("*/*", MediaType.json), ("image/*", .png), ("image/png", .png), ("*/*, image/png", .png),
            ("application/*;q=0.5, image/png;q=0.4", .json), ("application/json;q=0.1, application/*", .npy),
            ("application/json;q=0, */*", .png), ("APPLICATION/JSON", .json), ("application/x-npy;level=1", .npy),
            ("text/html, */*;q=0.1", .json), ("image/png;q=2, application/json", .json), ("", .json), (",,", .json),
            ("no type, image/png", .png),
        ])
    func chosen(_ value: String, _ expected: MediaType) throws {
        #expect(try best(value) == expected)
    }

    @Test("fields of one name are one list; none allows all")
    func lists() throws {
        #expect(try best("application/json;q=0.1", "image/png") == .png)
        #expect(try best() == .json)
    }

    @Test(
        "what allows nothing is refused with what there is",
        arguments: ["text/html", "image/*;q=0", "*/*;q=0", "application/json;q=0, application/x-npy;q=0"])
    func refused(_ value: String) {
        #expect(throws: NotAcceptableError(offers: Self.offers)) { try best(value) }
    }
}
