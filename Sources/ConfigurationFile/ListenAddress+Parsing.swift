package import ProxyTypes
package import Tuning

extension ListenAddress {
    package static let allowed = "an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an absolute path"

    static let beyondLoopback = "is beyond loopback: the config file must say in `proxy.allow_from` who may connect"

    package init(parsing text: String) throws(ValueProblem) {
        guard let parsed = Self(text) else { throw ValueProblem(allowed: Self.allowed, text: text) }
        self = parsed
    }

    func collision(with other: ListenAddress) -> String {
        other == self ? "is given twice" : "collides with \(other)"
    }
}
