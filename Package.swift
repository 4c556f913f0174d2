// swift-tools-version: 6.3
import PackageDescription

/// One set of rules for every Swift target; see docs/architecture.md, "The manifest".
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies, exclude: exclude,
        swiftSettings: strict)
}

/// The targets of Tests/Fuzz: by default as a test that runs their corpora; for `make fuzz` as a program that lets
/// libFuzzer look for more, which needs its runtime and instrumented modules. See docs/guide/testing.md.
let isFuzzing = Context.environment["TUSK_FUZZ"] != nil
let fuzzDependencies: [Target.Dependency] = [
    "TestSupport", "FlowCore", "FlowModels", "Compression", "Imaging", "HTTPWire", "HTTPServer", "HTTPContent",
    "Serving", "DensityAPI", "System", "Metrics", "Archives", "Arrow", "DataSets", httpTypes,
]
let fuzzData = ["CLibFuzzer", "corpus", "dictionaries", "run.sh"]
let fuzzing: [Target] =
    isFuzzing
    ? [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
        .executableTarget(
            name: "tusk-fuzz", dependencies: fuzzDependencies + ["CLibFuzzer"], path: "Tests/Fuzz",
            exclude: fuzzData + ["Replay"], sources: ["Targets", "Program"], swiftSettings: strict),
    ]
    : [
        .testTarget(
            name: "FuzzTests", dependencies: fuzzDependencies, path: "Tests/Fuzz", exclude: fuzzData + ["Program"],
            sources: ["Targets", "Replay"], swiftSettings: strict)
    ]

let package = Package(
    name: "tusk",
    products: [.executable(name: "tusk", targets: ["tusk"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        // System libraries. Why each is here: docs/reference/dependencies.md.
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CEpoll"),
        // The default model, openapi.yaml and the web page, inside the program.
        .target(name: "CEmbedded"),

        // What everybody may need of the operating system, and of the counters.
        module("System", ["COpenSSL"]),
        module("Metrics", []),

        // Flows. The C inner loops are optimised in debug builds too: the tests run what ships, at its speed.
        .target(name: "CFlowKernels", cSettings: [.unsafeFlags(["-O2", "-ffp-contract=off"])]),
        module("FlowKernels", ["CFlowKernels"]),
        module("FlowCore", ["FlowKernels", "System"]),
        module("FlowLayers", ["FlowCore", "FlowKernels", "System"]),
        module("FlowModels", ["FlowLayers", "FlowCore", "FlowKernels", "Compression", "System"]),
        module(
            "FlowTraining",
            [
                "DataSets", "FlowModels", "FlowLayers", "FlowCore", "FlowKernels", "Imaging", "Compression", "System",
            ]),

        // Images and their codings.
        module("Compression", ["CZlib"]),
        module("Archives", ["Compression", "System"]),
        module("Arrow", ["Archives", "CLZ4", "CZstd"]),
        .target(name: "CImageDecoders", dependencies: ["CPNG", "CJPEG", "CWebP"]),
        module("Imaging", ["CPNG", "CImageDecoders", "Compression"]),
        module("DataSets", ["Archives", "Arrow", "Imaging", "FlowCore", "System"]),

        // HTTP.
        module("HTTPWire", ["System", httpTypes]),
        module("HTTPContent", ["Compression", "System", httpTypes]),
        module(
            "HTTPServer",
            ["HTTPWire", "Compression", "System", "Metrics", "CEpoll", "COpenSSL", httpTypes, logging]),

        // The service.
        module("Serving", ["FlowModels", "FlowCore", "System", "Metrics"]),
        module(
            "DensityAPI",
            [
                "Serving", "FlowModels", "FlowCore", "HTTPWire", "HTTPContent", "Imaging", "Compression", "System",
                "Metrics", "CYAML", httpTypes, logging,
            ]),
        .executableTarget(
            name: "tusk",
            dependencies: [
                "Archives", "Arrow", "CEmbedded", "FlowKernels", "FlowCore", "FlowModels", "FlowTraining", "DataSets",
                "Imaging",
                "HTTPWire", "HTTPServer", "HTTPContent", "Serving", "DensityAPI", "System", "Metrics", httpTypes,
                logging,
                argumentParser,
            ],
            swiftSettings: strict),

        // Tests.
        tests(of: "System"),
        tests(of: "Metrics"),
        tests(of: "HTTPWire", ["CAllocationCounter", httpTypes]),
        tests(of: "HTTPContent", ["Compression", httpTypes]),
        tests(of: "HTTPServer", ["HTTPWire", "Compression", "System", "Metrics", "COpenSSL", httpTypes, logging]),
        .target(
            name: "TestSupport",
            dependencies: ["DataSets", "FlowCore", "FlowLayers", "FlowModels", "Imaging", "COpenSSL"],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests(
            of: "tusk",
            [
                argumentParser, logging, "Archives", "Arrow", "Compression", "DataSets", "DensityAPI", "FlowCore",
                "FlowModels",
                "FlowTraining",
                "HTTPContent", "HTTPServer", "HTTPWire", "Imaging", "Metrics",
            ], exclude: ["Fixtures"]),
        tests(of: "FlowKernels", ["FlowCore"]),
        tests(of: "FlowCore"),
        tests(of: "FlowLayers", ["FlowCore", "FlowKernels"]),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        tests(
            of: "FlowModels", ["FlowCore", "FlowKernels", "FlowLayers", "System", "CAllocationCounter"],
            exclude: ["Fixtures"]),
        tests(of: "Compression"),
        tests(of: "Archives", ["Compression", "System"], exclude: ["Fixtures"]),
        tests(of: "Arrow", ["Archives"], exclude: ["Fixtures"]),
        tests(of: "Imaging", ["Compression"], exclude: ["Fixtures"]),
        tests(of: "DataSets", ["Archives", "FlowCore", "Imaging", "Compression", "System"], exclude: ["Fixtures"]),
        tests(
            of: "FlowTraining",
            ["DataSets", "FlowModels", "FlowLayers", "FlowCore", "FlowKernels", "Imaging", "Compression"]),
        tests(of: "Serving", ["FlowCore", "FlowModels", "System", "Metrics"]),
        .testTarget(name: "DocumentationTests", swiftSettings: strict),
        tests(
            of: "DensityAPI",
            [
                "FlowCore", "FlowModels", "HTTPWire", "HTTPContent", "HTTPServer", "Imaging", "Serving", "Compression",
                "Metrics", httpTypes, logging,
            ]),
    ] + fuzzing,
    swiftLanguageModes: [.v6]
)
