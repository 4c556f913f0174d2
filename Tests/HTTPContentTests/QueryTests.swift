import HTTPContent
import Testing

@Suite("Queries")
struct QueryTests {
    private enum Fit: String, CaseIterable { case cover, contain }

    private static let known = ["count", "temperature", "fit", "a b"]

    private func read(_ text: String?) throws(QueryError) -> Query { try Query(text?[...], known: Self.known) }

    @Test("names and values are percent-decoded, and a plus is a space")
    func decoded() throws {
        #expect(try read("a+b=1%202+3&&fit")["a b"] == "1 2 3")
        #expect(try read("fit")["fit"] == "" && read("fit")["count"] == nil)
        #expect(try read(nil)["fit"] == nil && read("")["fit"] == nil)
        #expect(try read("fit=a=b")["fit"] == "a=b")
    }

    @Test("what is no percent-encoded UTF-8 is refused", arguments: ["fit=%", "fit=%f", "fit=%zz", "%ff=1", "fit=%c3"])
    func malformed(_ text: String) {
        #expect(throws: QueryError.malformed) { try read(text) }
    }

    @Test("an unknown name is refused, and one that is there twice")
    func names() {
        #expect(throws: QueryError.unknown(name: "x", known: Self.known)) { try read("x=1") }
        #expect(throws: QueryError.repeated(name: "fit")) { try read("fit=cover&fit=cover") }
        #expect(throws: QueryError.repeated(name: "fit")) { try read("fit=cover&%66it=") }
    }

    @Test("values are held to their ranges; what was not sent is nil")
    func values() throws {
        #expect(try read("count=1").integer("count", in: 1...9) == 1)
        #expect(try read("count=009").integer("count", in: 1...9) == 9)
        #expect(try read("").integer("count", in: 1...9) == nil)
        #expect(try read("count=18446744073709551615").unsigned("count") == .max)
        #expect(try read("temperature=2").positive("temperature", upTo: 2) == 2)
        #expect(try read("fit=cover").choice("fit", of: Fit.self) == .cover)
        #expect(try read("").choice("fit", of: Fit.self) == nil)
    }

    @Test(
        "an integer out of its range, or none, is refused",
        arguments: ["0", "10", "-1", "+1", "1.0", "", " 1", "1e0"])
    func integers(_ value: String) throws {
        let query = try read("count=\(value.replacing("+", with: "%2B"))")
        #expect(
            throws: QueryError.invalid(name: "count", expected: "a whole number from 1 to 9", value: value)
        ) { try query.integer("count", in: 1...9) }
    }

    @Test(
        "a number that is not positive, too large or none is refused",
        arguments: ["0", "-1", "2.1", "nan", "inf", "0x1", "", "1,5"])
    func numbers(_ value: String) throws {
        let query = try read("temperature=\(value)")
        #expect(
            throws: QueryError.invalid(
                name: "temperature", expected: "a number greater than 0 and at most 2.0", value: value)
        ) { try query.positive("temperature", upTo: 2) }
    }

    @Test("a choice that is none is refused with those that there are")
    func choices() throws {
        let query = try read("fit=Cover")
        #expect(throws: QueryError.invalid(name: "fit", expected: "one of cover, contain", value: "Cover")) {
            try query.choice("fit", of: Fit.self)
        }
    }
}
