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

// connctl starts for every command and every Tab, so it is built for size. glibc reads packed relocations since 2.36.
let small = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// Such as `glibc 2.36`.
let glibc = String(unsafeUninitializedCapacity: 64) { bytes in
    bytes.withMemoryRebound(to: CChar.self) {
        max(confstr(Int32(_CS_GNU_LIBC_VERSION), $0.baseAddress, $0.count), 1) - 1
    }
}
let packed =
    glibc.hasPrefix("glibc ") && glibc.compare("glibc 2.36", options: .numeric) != .orderedAscending
    ? ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"] : []
let smallLink = ["-use-ld=lld", "-Xlinker", "--no-export-dynamic"] + packed

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

/// Optimised in debug builds too, for what tests run millions of times.
let optimised = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let pure: [Target] = [
    room("ProxyTypes"),
    room("HTTPWire", ["ProxyTypes"]),
    room("Pooling", ["ProxyTypes"]),
    room("Diagnosis", ["ProxyTypes"]),
    room("Advising", ["ProxyTypes"]),
    // Its tests play years of traffic.
    .target(name: "Learning", dependencies: ["ProxyTypes"], swiftSettings: optimised),
]

let streams: [Target] = [
    .target(name: "CLinux"),
    room("Reactor", ["ProxyTypes", "CLinux"]),
    .systemLibrary(name: "CTLS", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CAres", providers: [.apt(["libc-ares-dev"])]),
    room("LocalCA", ["ProxyTypes", "CTLS"]),
    room("AuthorityFiles", ["ProxyTypes", "LocalCA"]),
    room("TLS", ["ProxyTypes", "CLinux", "CTLS", "Reactor", "LocalCA"]),
    room("Metering", ["ProxyTypes"]),
    room("Resolving", ["ProxyTypes", "Metering", "CLinux", "CAres", "Reactor"]),
]

let support: [Target] = [
    .target(
        name: "TestSupport", dependencies: ["ProxyTypes", "Pooling", "CTLS"], path: "Tests/TestSupport",
        // A million pool events run beside a model that is slow by design.
        swiftSettings: optimised),
    .target(
        name: "ReactorTestSupport", dependencies: ["ProxyTypes", "CLinux", "Reactor", "LocalCA", "TLS"],
        path: "Tests/ReactorTestSupport", swiftSettings: strict),
    .target(
        name: "TLSTestSupport",
        dependencies: ["ProxyTypes", "CTLS", "Reactor", "TLS", "TestSupport", "ReactorTestSupport"],
        path: "Tests/TLSTestSupport", swiftSettings: strict),
    .target(
        name: "FuzzTargets",
        dependencies: ["ProxyTypes", "HTTPWire", "Pooling", "Resolving", "TestSupport", "TLSTestSupport"],
        path: "Tests/Fuzz/FuzzTargets", swiftSettings: strict),
]

let daemon: [Target] = [
    room("Tuning", ["ProxyTypes"]),
    .target(name: "AdminModels", swiftSettings: small),
    .target(
        name: "Migrations", path: "migrations",
        resources: [
            .embedInCode("0001_initial.sql"), .embedInCode("0002_runs.sql"), .embedInCode("0003_pauses.sql"),
            .embedInCode("0004_gateways.sql"), .embedInCode("0005_tls_facts.sql"),
            .embedInCode("0006_client_refusals.sql"), .embedInCode("0007_tcp_facts.sql"),
            .embedInCode("0008_dial_facts.sql"),
            .embedInCode("0009_slow_start.sql"), .embedInCode("0010_learned_limits.sql"),
            .embedInCode("0011_lost_races.sql"), .embedInCode("0012_advice.sql"),
        ],
        swiftSettings: strict),
    room("Store", ["ProxyTypes", "Tuning", "Metering", "Migrations", grdb]),
    room("AdminAPI", ["ProxyTypes", "AdminModels", logging, nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "AdminClient", dependencies: ["ProxyTypes", "AdminModels", "CCurl"], swiftSettings: small),
    room("ConfigurationFile", ["ProxyTypes", "Tuning", "AdminModels", "Yams", argumentParser]),
    room("Systemd", ["ProxyTypes"]),
    room("ProcessOutput", ["ProxyTypes"]),
    room(
        "Upstream",
        [
            "ProxyTypes", "HTTPWire", "Pooling", "Learning", "Diagnosis", "Tuning", "Metering", "CLinux", "Reactor",
            "TLS", "Resolving",
        ]),
    room(
        "ForwardProxy",
        [
            "ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metering", "CLinux", "Systemd", "ProcessOutput", "Reactor",
            "LocalCA", "TLS", "Upstream",
        ]),
    .executableTarget(
        name: "connd",
        dependencies: [
            "ProxyTypes", "HTTPWire", "Pooling", "Learning", "Diagnosis", "Advising", "Tuning", "Metering",
            "CLinux",
            "ConfigurationFile",
            "Reactor", "LocalCA", "AuthorityFiles", "TLS", "Resolving", "Upstream", "ForwardProxy", "Systemd",
            "ProcessOutput",
            "Store",
            "AdminModels", "AdminAPI", logging, argumentParser,
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "connctl",
        dependencies: ["ProxyTypes", "AdminModels", "AdminClient", "ProcessOutput", argumentParser],
        swiftSettings: small, linkerSettings: [.unsafeFlags(smallLink, .when(configuration: .release))]),
]

let simulation: [Target] = [
    .target(
        name: "Simulation",
        dependencies: [
            "ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metering", "CLinux", "Reactor", "TLS", "Resolving",
            "Upstream", "ForwardProxy",
        ],
        path: "Tests/Simulation", exclude: ["Command", "Tests"],
        // Runs of many seeds would take too long otherwise.
        swiftSettings: optimised),
    .target(
        name: "OriginZoo", dependencies: ["ProxyTypes", "Learning"], path: "Tests/OriginZoo", swiftSettings: optimised),
    .executableTarget(
        name: "policies", dependencies: ["Learning", "OriginZoo"], path: "Tests/Policies", swiftSettings: strict),
    .executableTarget(
        name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulation/Command", swiftSettings: strict),
]

let testTargets: [Target] = [
    tests("ProxyTypesTests", ["ProxyTypes"]),
    tests("HTTPWireTests", ["ProxyTypes", "HTTPWire", "TestSupport", "FuzzTargets"]),
    tests(
        "HTTPWireDifferentialTests",
        [
            "ProxyTypes", "HTTPWire", "FuzzTargets", nio("NIOCore"), nio("NIOEmbedded"), nio("NIOHTTP1"),
        ]),
    tests("PoolingTests", ["ProxyTypes", "Pooling", "TestSupport", "FuzzTargets"]),
    .testTarget(
        name: "LearningTests", dependencies: ["ProxyTypes", "Learning", "Pooling", "OriginZoo"],
        swiftSettings: optimised),
    tests("DiagnosisTests", ["ProxyTypes", "Diagnosis"]),
    tests("AdvisingTests", ["ProxyTypes", "Tuning", "Advising"]),
    tests("TuningTests", ["ProxyTypes", "Tuning"]),
    tests("MeteringTests", ["ProxyTypes", "Metering"]),
    tests("ConfigurationFileTests", ["ProxyTypes", "Tuning", "ConfigurationFile", argumentParser]),
    tests("SystemdTests", ["ProxyTypes", "Systemd"]),
    tests("ProcessOutputTests", ["ProxyTypes", "ProcessOutput"]),
    tests("ReactorTests", ["ProxyTypes", "CLinux", "Reactor"]),
    tests(
        "TLSTests",
        [
            "ProxyTypes", "CTLS", "Reactor", "LocalCA", "TLS", "TestSupport", "ReactorTestSupport", "TLSTestSupport",
        ]),
    tests(
        "ResolvingTests",
        [
            "ProxyTypes", "Metering", "Reactor", "Resolving", "TestSupport", "ReactorTestSupport", "FuzzTargets",
        ]),
    tests("LocalCATests", ["ProxyTypes", "CTLS", "LocalCA", "TestSupport"]),
    tests("AuthorityFilesTests", ["ProxyTypes", "LocalCA", "AuthorityFiles", "TestSupport"]),
    tests(
        "UpstreamTests",
        [
            "ProxyTypes", "HTTPWire", "Pooling", "Learning", "Diagnosis", "Tuning", "Metering", "CLinux", "Reactor",
            "Resolving", "Upstream", "TestSupport", "ReactorTestSupport",
        ]),
    tests(
        "ForwardProxyTests",
        [
            "ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metering", "CLinux", "Systemd", "Reactor", "Resolving",
            "Upstream", "ForwardProxy", "LocalCA", "TLS", "ReactorTestSupport", "TestSupport",
        ]),
    tests("StoreTests", ["ProxyTypes", "Tuning", "Metering", "Migrations", "Store", grdb]),
    tests(
        "AdminAPITests",
        ["AdminModels", "AdminAPI", logging, nio("NIOCore"), nio("NIOEmbedded"), nio("NIOPosix"), nio("NIOHTTP1")]),
    tests("ConnctlTests", ["ProxyTypes", "ProcessOutput", "connctl", "AdminClient", "AdminModels", argumentParser]),
    tests("SimulationTests", ["ProxyTypes", "Simulation", "TestSupport"], path: "Tests/Simulation/Tests"),
    tests("EndToEndTests", ["ProxyTypes", "TestSupport"], path: "Tests/EndToEnd"),
]

let fuzzer: Target = .executableTarget(
    name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Fuzz", swiftSettings: strict,
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])

let package = Package(
    name: "connd",
    products: isFuzzing
        ? [] : [.executable(name: "connd", targets: ["connd"]), .executable(name: "connctl", targets: ["connctl"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // For the admin API; the tests also compare our HTTP parser with its.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: isFuzzing
        ? pure + streams + support + [fuzzer] : pure + streams + support + daemon + simulation + testTargets
)
