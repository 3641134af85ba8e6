/// One numbered step of the database's schema. Value.
package struct Migration: Sendable {
    /// 1, 2, 3 …, without gaps.
    package let number: Int
    package let name: String
    package let sql: [UInt8]

    package init(number: Int, name: String, sql: [UInt8]) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// All of them, in order. Append only: what was released is in databases out there and never changes.
package enum Migrations {
    package static let all = [
        Migration(number: 1, name: "initial", sql: PackageResources._001_initial_sql),
        Migration(number: 2, name: "runs", sql: PackageResources._002_runs_sql),
        Migration(number: 3, name: "pauses", sql: PackageResources._003_pauses_sql),
        Migration(number: 4, name: "gateways", sql: PackageResources._004_gateways_sql),
        Migration(number: 5, name: "tls_facts", sql: PackageResources._005_tls_facts_sql),
        Migration(number: 6, name: "client_refusals", sql: PackageResources._006_client_refusals_sql),
        Migration(number: 7, name: "tcp_facts", sql: PackageResources._007_tcp_facts_sql),
        Migration(number: 8, name: "dial_facts", sql: PackageResources._008_dial_facts_sql),
        Migration(number: 9, name: "slow_start", sql: PackageResources._009_slow_start_sql),
        Migration(number: 10, name: "learned_limits", sql: PackageResources._010_learned_limits_sql),
        Migration(number: 11, name: "lost_races", sql: PackageResources._011_lost_races_sql),
        Migration(number: 12, name: "advice", sql: PackageResources._012_advice_sql),
    ]
}
