import HTTPContent
import Testing

@Suite("Trace context")
struct TraceContextTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"
    private static let parentID = "b7ad6b7169203331"

    @Test("has trace, parent and whether it is sampled, whatever other flags say")
    func valid() throws {
        for (flags, isSampled) in [
            ("00", false), ("01", true), ("02", false), ("03", true), ("fe", false), ("ff", true),
        ] {
            let context = try #require(TraceContext("00-\(Self.traceID)-\(Self.parentID)-\(flags)"))
            #expect(context.traceID == Self.traceID && context.parentID == Self.parentID)
            #expect(context.isSampled == isSampled, "\(flags)")
        }
    }

    @Test(
        "of a traceparent that is not valid is not there (W3C Trace Context, section 3.2.2)",
        arguments: [
            "", "00", "00-TRACE-b7ad6b7169203331", "00-TRACE-b7ad6b7169203331-1", "00-TRACE-b7ad6b716920333-001",
            "00-\(String(repeating: "0", count: 32))-b7ad6b7169203331-01", "00-TRACE-0000000000000000-01",
            "ff-TRACE-b7ad6b7169203331-01", "0g-TRACE-b7ad6b7169203331-01", "00-TRACE-b7ad6b7169203331-01-more",
            "00-TRACE-B7AD6B7169203331-01", "00_TRACE-b7ad6b7169203331-01", " 00-TRACE-b7ad6b7169203331-01",
            "01-TRACE-b7ad6b7169203331-01more", "00-\(String(repeating: "A", count: 32))-b7ad6b7169203331-01",
            "00-TRACE-b7ad6b7169203331-0G", "00-TRACE-b7ad6b7169203331-0A", "FF-TRACE-b7ad6b7169203331-01",
            "01-TRACE-b7ad6b7169203331-01, 01-TRACE-b7ad6b7169203331-01",
        ])
    func invalid(_ template: String) {
        #expect(TraceContext(template.replacing("TRACE", with: Self.traceID)) == nil)
    }

    @Test("of a later version is known by what it has in common with ours")
    func later() throws {
        for value in ["01-TRACE-b7ad6b7169203331-01", "cc-TRACE-b7ad6b7169203331-01-what-comes-next"] {
            let context = try #require(TraceContext(value.replacing("TRACE", with: Self.traceID)))
            #expect(context.traceID == Self.traceID && context.parentID == Self.parentID && context.isSampled)
        }
    }
}
