import AdminModels

/// The certificate authorities with which connd ends the TLS of intercepted tunnels: making, replacing and removing them. No
/// state.
enum AuthorityRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.authorities, name: "getAuthorities", summary: "The certificate authorities",
            help: "Roots in PEM; keys are never given out.",
            success: .init(status: 200, help: "All of them.", content: .json(AuthoritiesReport.self))
        ) { call in .json(await call.backend.authorities()) },
        Operation(
            verb: .post, path: Paths.authorities, name: "createAuthority", summary: "Make a certificate authority",
            help:
                "Whoever trusts its root trusts what connd signs for these domains and all names below them, and nothing "
                + "else. Nothing trusts it until its root is installed: `connctl ca install`. Refused while there is one.",
            body: .init(
                type: AuthorityRequest.self, longest: 64 << 10,
                example: ["domains": ["example.com", "internal.example"], "reason": "for the build hosts"]),
            success: .init(status: 201, help: "The authority.", content: .json(AuthoritiesReport.self)),
            problems: [409, 503]
        ) { call in
            .json(
                try await call.backend.createAuthority(call.content(AuthorityRequest.self), actor: call.actor),
                status: 201)
        },
        Operation(
            verb: .post, path: Paths.rotateAuthority, name: "rotateAuthority",
            summary: "Replace the certificate authority",
            help:
                "Makes a second one, so that clients can trust both roots for a while. The new one signs at once for "
                + "names that the current one may not sign for, and for all of its names from `switch_after` on; then "
                + "the old one is retired and its key overwritten. Refused while a rotation is under way.",
            body: .init(
                type: RotationRequest.self, longest: 64 << 10,
                example: ["domains": ["example.com", "example.org"], "switch_after": "24h", "reason": "a new domain"]),
            success: .init(status: 200, help: "Both authorities.", content: .json(AuthoritiesReport.self)),
            problems: [409, 503]
        ) { call in
            .json(try await call.backend.rotateAuthority(call.content(RotationRequest.self), actor: call.actor))
        },
        Operation(
            verb: .delete, path: Paths.authorities, name: "removeAuthorities",
            summary: "Remove the certificate authorities",
            help:
                "Their keys are overwritten. Tunnels are no longer intercepted. Roots that were installed stay "
                + "installed: `connctl ca uninstall` removes them.",
            parameters: [CommonParameters.reason],
            success: .init(status: 200, help: "None.", content: .json(AuthoritiesReport.self)), problems: [404, 503]
        ) { call in
            .json(try await call.backend.removeAuthorities(actor: call.actor, reason: call.text("reason")))
        },
    ]
}
