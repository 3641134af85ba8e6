package import ProxyTypes

/// All layers of settings; resolves the effective value for an origin. Value.
///
///     trial > override > file (host pattern) > file > learned > default
///
/// Within a layer the most specific pattern wins, for each setting separately; settings it leaves open come from the
/// next. `auto`, for a setting that can be learned, defers to the learned value and to no other.
package struct SettingLayers: Hashable, Sendable {
    /// For every origin, `*` and `*.example.com`: few, and all visited for each origin. The winner comes last.
    private var wide: [SettingScope] = []
    /// For a single name or address; may be as many as there are origins. The winner comes last.
    private var named: [HostPattern.Host: [SettingScope]] = [:]

    /// Defaults only.
    package init() {}

    /// For every origin, or for those that match the pattern. The entry's source determines the layer.
    package mutating func set(_ setting: Setting, to entry: SettingEntry, for pattern: HostPattern? = nil) {
        let scope = SettingScope(Self.layer(of: entry.source, pattern), pattern)
        if let host = Self.ownHost(of: pattern) {
            Self.put(setting, entry, scope, in: &named[host, default: []])
        } else {
            Self.put(setting, entry, scope, in: &wide)
        }
    }

    package mutating func remove(_ setting: Setting, from layer: SettingLayer, for pattern: HostPattern? = nil) {
        let scope = SettingScope(layer, pattern)
        if let host = Self.ownHost(of: pattern) {
            Self.remove(setting, scope, from: &named[host, default: []])
            if named[host]?.isEmpty == true { named[host] = nil }
        } else {
            Self.remove(setting, scope, from: &wide)
        }
    }

    /// A nil origin: what applies where no pattern matches.
    package func entry(of setting: Setting, for origin: Origin?) -> SettingEntry {
        entry(of: setting, in: Self.view(of: origin))
    }

    package func source(of setting: Setting, for origin: Origin?) -> SettingSource {
        entry(of: setting, for: origin).source
    }

    /// Where the file sets it for exactly this pattern, whatever wins for the pattern's origins.
    package func fileSource(of setting: Setting, for pattern: HostPattern) -> SettingSource? {
        let scopes = Self.ownHost(of: pattern).map { named[$0] ?? [] } ?? wide
        return scopes.first { $0.layer == .filePattern && $0.pattern == pattern }?.entries[setting]?.source
    }

    package func values(for origin: Origin?) -> SettingValues {
        values(in: Self.view(of: origin))
    }

    /// Whether the origin is reached over TLS and its certificate is not verified.
    package func isUnverified(_ origin: Origin) -> Bool {
        origin.scheme == .https && Setting.tlsVerify.isUnverifying(entry(of: .tlsVerify, for: origin).value)
    }

    /// The users that any `intercept_except` names.
    package var listedUsers: Set<String> {
        Set(
            allScopes.flatMap { scope -> [String] in
                guard case .clients(let clients) = scope.entries[.interceptExcept]?.value else { return [] }
                return ClientExceptions(clients).userNames
            })
    }

    package func effective(for origin: Origin?) -> EffectiveSettings {
        EffectiveSettings(values(for: origin))
    }
}

extension SettingLayers {
    static func view(of origin: Origin?) -> SettingView { origin.map { .origin($0) } ?? .nowhere }

    func values(in view: SettingView) -> SettingValues {
        var values = SettingValues()
        var learned: [Setting: SettingValue] = [:]
        visit(view) { scope in
            for (setting, entry) in scope.entries {
                let value = setting.defersToLearned(entry.value) ? learned[setting] ?? entry.value : entry.value
                values[setting] = value
                if scope.layer == .learned { learned[setting] = value }
            }
        }
        return values
    }

    func entry(of setting: Setting, in view: SettingView) -> SettingEntry {
        var found: SettingEntry?
        var learned: SettingEntry?
        visit(view) { scope in
            guard let entry = scope.entries[setting] else { return }
            found = setting.defersToLearned(entry.value) ? learned ?? entry : entry
            if scope.layer == .learned { learned = found }
        }
        return found ?? SettingEntry(setting.defaultValue, source: .standard)
    }

    /// All that apply in the view, the winner first.
    func scopes(in view: SettingView) -> [SettingScope] {
        var scopes: [SettingScope] = []
        visit(view) { scopes.append($0) }
        return scopes.reversed()
    }

    /// Within a pattern the winner comes last; otherwise in no particular order.
    var allScopes: [SettingScope] { wide + named.values.joined() }

    /// The winner comes last.
    private func visit(_ view: SettingView, _ body: (SettingScope) -> Void) {
        let own = named.isEmpty ? nil : view.host.flatMap { named[$0] }
        guard let own else {
            for scope in wide where view.includes(scope) { body(scope) }
            return
        }
        var next = own.startIndex
        for scope in wide where view.includes(scope) {
            while next < own.endIndex, own[next].precedes(scope) {
                if view.includes(own[next]) { body(own[next]) }
                next += 1
            }
            body(scope)
        }
        for scope in own[next...] where view.includes(scope) { body(scope) }
    }

    private static func ownHost(of pattern: HostPattern?) -> HostPattern.Host? {
        switch pattern?.host {
        case nil, .any, .below: nil
        case .name, .address: pattern?.host
        }
    }

    private static func layer(of source: SettingSource, _ pattern: HostPattern?) -> SettingLayer {
        switch source {
        case .standard: .standard
        case .learned: .learned
        case .file: pattern == nil ? .file : .filePattern
        case .override: .override
        case .trial: .trial
        }
    }

    /// The index of the scope, or where it is to be inserted.
    private static func place(of scope: SettingScope, in scopes: [SettingScope]) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = scopes.count
        while low < high {
            let middle = (low + high) / 2
            if scopes[middle].precedes(scope) { low = middle + 1 } else { high = middle }
        }
        return (low, low < scopes.count && !scope.precedes(scopes[low]))
    }

    private static func put(
        _ setting: Setting, _ entry: SettingEntry, _ scope: SettingScope, in scopes: inout [SettingScope]
    ) {
        let (index, isThere) = place(of: scope, in: scopes)
        if !isThere { scopes.insert(scope, at: index) }
        scopes[index].entries[setting] = entry
    }

    private static func remove(_ setting: Setting, _ scope: SettingScope, from scopes: inout [SettingScope]) {
        let (index, isThere) = place(of: scope, in: scopes)
        guard isThere else { return }
        scopes[index].entries[setting] = nil
        if scopes[index].entries.isEmpty { scopes.remove(at: index) }
    }
}
