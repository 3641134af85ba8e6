import Glibc

/// Names of users, for people.
enum UserName {
    /// The user id if it has no name.
    static func of(_ user: uid_t) -> String {
        guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return "\(user)" }
        return String(cString: name)
    }
}
