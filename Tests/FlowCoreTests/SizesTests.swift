import FlowCore
import FoundationEssentials
import Testing

@Suite("Sizes")
struct SizesTests {
    private enum Colour: String, CaseIterable, SizeRepresentable { case red, green }

    private static let count = SizeField<Int>("unit_count", standard: 8, .range(2...64), help: "Units.")
    private static let side = SizeField<Int>("side", standard: 3, .oneOf([1, 3, 5]), help: "Side.")
    private static let bound = SizeField<Float>("bound", standard: 5, .range(0.5...10), help: "Bound.")
    private static let widths = SizeField<[Int]>("widths", standard: [4], .lists(of: 1...2, in: 1...9), help: "Widths.")
    private static let wavy = SizeField<Bool>("wavy", standard: false, isRequired: false, help: "Wavy.")
    private static let colour = SizeField<Colour>("colour", standard: .red, help: "Colour.")
    private static let fields: [any SizeDescription] = [count, side, bound, widths, wavy, colour]

    @Test("a field takes values of its kind that it allows, from a file and from the command line")
    func values() throws {
        let allowed: [(any SizeDescription, [(words: String, value: SizeValue)])] = [
            (Self.count, [("2", 2), ("64", 64)]), (Self.side, [("5", 5)]), (Self.bound, [("0.5", 0.5), ("10", 10.0)]),
            (Self.widths, [("9", [9]), ("1,9", [1, 9])]), (Self.colour, [("green", "green")]),
        ]
        for (field, values) in allowed {
            for (words, value) in values {
                #expect(field.value(words: words) == value)
                #expect(try field.checked(value) == value)
            }
        }
        let refused: [(any SizeDescription, [SizeValue])] = [
            (Self.count, [1, 65, 8.5, "8", [8], true]), (Self.side, [2, 7]), (Self.bound, [0.4, 11, "5", [5]]),
            (Self.widths, [[], [0], [10], [1, 2, 3], 4]), (Self.wavy, [1, "true"]), (Self.colour, ["blue", 1]),
        ]
        for (field, values) in refused {
            for value in values {
                let error = #expect(throws: FlowError.self) { try field.checked(value) }
                guard case .outOfRange(field.name, "\(value)", _) = error else {
                    Issue.record("\(field.name) \(value): \(error as Any)")
                    continue
                }
            }
        }
        for (field, words) in [
            (Self.count, "x"), (Self.count, "8.5"), (Self.widths, "1,,2"), (Self.widths, ""), (Self.colour, "Red"),
        ] as [(any SizeDescription, String)] {
            #expect(field.value(words: words) == nil, "\(field.name) \(words)")
        }
    }

    @Test("what is allowed is said in words")
    func words() {
        #expect(
            Self.fields.map(\.allowedWords) == [
                "2 to 64", "1, 3 or 5", "0.5 to 10", "1 to 2 numbers of 1 to 9", "", "",
            ])
        #expect(Self.colour.choices == ["red", "green"] && Self.count.choices.isEmpty)
        #expect(Self.count.optionName == "unit-count")
        #expect(Self.fields.filter(\.isSwitch).map(\.name) == ["wavy"])
        #expect(Self.count.phrase(8) == "unit count 8")
    }

    @Test("a whole number in a file is a number too, and what was written is read again")
    func coding() throws {
        let json = #"{"unit_count":9,"bound":5,"widths":[1,2],"wavy":true,"colour":"green","other":7}"#
        let read = try JSONDecoder().decode(Sizes.self, from: Data(json.utf8))
        #expect(read[Self.bound] == 5 && read[Self.count] == 9 && read[Self.widths] == [1, 2])
        #expect(read[Self.wavy] && read[Self.colour] == .green && read["other"] == 7)
        #expect(read[Self.side] == 3, "the standard value stands for one that is not there")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let resolved = try read.resolved(by: Self.fields)
        #expect(resolved.names == ["bound", "colour", "side", "unit_count", "wavy", "widths"])
        let written = String(decoding: try encoder.encode(resolved), as: UTF8.self)
        #expect(written == #"{"bound":5,"colour":"green","side":3,"unit_count":9,"wavy":true,"widths":[1,2]}"#)
        #expect(try JSONDecoder().decode(Sizes.self, from: Data(written.utf8)).resolved(by: Self.fields) == resolved)
        for bad in [#"{"a":null}"#, #"{"a":{}}"#, #"{"a":[1.5]}"#, "[1]", "5"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(Sizes.self, from: Data(bad.utf8)) }
        }
    }

    @Test("resolving names the first value that makes no sense, and drops what no field has")
    func resolving() throws {
        let sizes: Sizes = ["side": 4, "other": 1]
        #expect(throws: FlowError.outOfRange(argument: "side", value: "4", allowed: "1, 3 or 5")) {
            try sizes.resolved(by: Self.fields)
        }
        #expect(try sizes.resolved(by: [Self.count]) == ["unit_count": 8])
        #expect(sizes.overridden(by: ["side": 5, "bound": 2]) == ["side": 5, "bound": 2, "other": 1])
        #expect(try (["bound": 2] as Sizes).resolved(by: [Self.bound]) == ["bound": 2.0])
    }
}
