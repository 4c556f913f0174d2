public import ArgumentParser
public import FlowCore

extension WeightPrecision: ExpressibleByArgument {
    public init?(argument: String) {
        guard let precision = Self.allCases.first(where: { "\($0)" == argument }) else { return nil }
        self = precision
    }

    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
    public var defaultValueDescription: String { "\(self)" }
}
