import HTTPContent
import HTTPTypes
import Testing

@Suite("Entity tags")
struct EntityTagTests {
    @Test("a strong tag is of the content, a weak one of what the content follows from")
    func made() {
        let tag = EntityTag(of: Array("a".utf8))
        #expect(tag.opaque == "ca978112ca1bbdcafac231b39a23dc4d" && !tag.isWeak)
        #expect(tag.description == "\"ca978112ca1bbdcafac231b39a23dc4d\"")
        #expect(EntityTag(of: Array("b".utf8)) != tag)
        let weak = EntityTag(following: ["a", "b"])
        #expect(weak.isWeak && weak.description.hasPrefix("W/\"") && weak != EntityTag(following: ["a", "c"]))
    }

    @Test("another coding has another strong tag, and the same weak one")
    func coded() {
        let strong = EntityTag(of: [1])
        #expect(strong.coded("gzip").opaque == strong.opaque + "-gzip")
        let weak = EntityTag(following: ["a"])
        #expect(weak.coded("gzip") == weak)
    }

    @Test(
        "a tag is known in a list, by weak comparison",
        arguments: [
            ("\"x\"", true), ("W/\"x\"", true), ("*", true), (" * ", true), ("\"a,b\", \"x\"", true),
            ("\"a\",W/\"x\" ,\"b\"", true), ("x", false), ("\"y\"", false), ("\"x", false), ("", false),
            ("\"X\"", false),
        ])
    func named(_ value: String, _ isNamed: Bool) throws {
        let tag = try #require(EntityTag(parsing: "\"x\""))
        #expect(tag.isNamed(in: [.ifNoneMatch: value]) == isNamed)
    }

    @Test("what is no tag is not read", arguments: ["", "x", "\"x", "x\"", "\"", "w/\"x\"", "\"a b\"", "\"a\"b\""])
    func malformed(_ text: String) {
        #expect(EntityTag(parsing: text) == nil)
    }
}
