// swift-tools-version: 6.3
import Foundation
import PackageDescription

let isFuzzing = ProcessInfo.processInfo.environment["CONND_FUZZ"] != nil

let fuzzing: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])] : []
let strict: [SwiftSetting] =
    fuzzing + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
        // Exclusive access is checked in every debug and test build; in release it would cost 6 % of a small request.
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func fuzzer(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzTargets"], path: "Tests/Fuzz/\(name)", swiftSettings: strict,
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
}

let pure: [Target] = [
    room("ProxyTypes"),
    room("HTTPWire", ["ProxyTypes"]),
    room("Pooling", ["ProxyTypes"]),
]

let support: [Target] = [
    .target(
        name: "TestSupport", dependencies: ["ProxyTypes", "Pooling"], path: "Tests/TestSupport",
        // A million pool events run beside a model that is slow by design.
        swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(
        name: "FuzzTargets", dependencies: ["ProxyTypes", "HTTPWire", "Pooling", "TestSupport"],
        path: "Tests/Fuzz/FuzzTargets", swiftSettings: strict),
]

let daemon: [Target] = [
    room("Tuning", ["ProxyTypes"]),
    room("Metrics", ["ProxyTypes"]),
    .target(name: "CLinux"),
    room("Configuration", ["ProxyTypes", "Tuning", "Yams", argumentParser]),
    room("Reactor", ["ProxyTypes", "CLinux"]),
    room("Upstream", ["ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "CLinux", "Reactor"]),
    room("ForwardProxy", ["ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "CLinux", "Reactor", "Upstream"]),
    .executableTarget(
        name: "connd",
        dependencies: [
            "ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "CLinux", "Configuration", "Reactor", "Upstream",
            "ForwardProxy", logging, argumentParser,
        ],
        swiftSettings: strict),
]

let testTargets: [Target] = [
    tests("ProxyTypesTests", ["ProxyTypes"]),
    tests("HTTPWireTests", ["ProxyTypes", "HTTPWire", "TestSupport", "FuzzTargets"]),
    tests(
        "HTTPWireDifferentialTests",
        [
            "ProxyTypes", "HTTPWire", "FuzzTargets", .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    tests("PoolingTests", ["ProxyTypes", "Pooling", "TestSupport", "FuzzTargets"]),
    tests("TuningTests", ["ProxyTypes", "Tuning"]),
    tests("MetricsTests", ["ProxyTypes", "Metrics"]),
    tests("ConfigurationTests", ["ProxyTypes", "Tuning", "Configuration", argumentParser]),
    tests("ReactorTests", ["ProxyTypes", "CLinux", "Reactor"]),
    tests(
        "ForwardProxyTests",
        ["ProxyTypes", "HTTPWire", "Tuning", "Metrics", "Reactor", "Upstream", "ForwardProxy", "Pooling"]),
    tests("EndToEndTests", ["ProxyTypes", "TestSupport"], path: "Tests/EndToEnd"),
]

let fuzzers = ["FuzzRequestHead", "FuzzResponseHead", "FuzzChunks", "FuzzPoolEvents"].map(fuzzer)

let package = Package(
    name: "connd",
    products: isFuzzing ? [] : [.executable(name: "connd", targets: ["connd"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // For the tests only: its parser is the one that ours is compared with.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: isFuzzing ? pure + support + fuzzers : pure + support + daemon + testTargets
)
