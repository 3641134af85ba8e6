import AdminModels
import ProxyTypes

/// The environment variables by which the SDKs of well-known origins take a base URL. Pure.
enum GatewayEnvironment {
    /// A variable, and what follows the gateway's address in its value.
    struct Variable: Hashable {
        let name: String
        var path = ""
    }

    /// What is known of an origin. Value.
    struct Entry: Hashable {
        let variables: [Variable]
        /// What a program needs beside them.
        var note: String?

        init(_ variables: Variable..., note: String? = nil) {
            self.variables = variables
            self.note = note
        }
    }

    /// As in the sources or manuals of the SDKs and tools; a name that only some programs happen to use is left out. Some SDKs
    /// append the version to the base URL, others expect it there.
    private static let known: [String: Entry] = [
        "api.openai.com": Entry(
            Variable(name: "OPENAI_BASE_URL", path: "/v1"), Variable(name: "OPENAI_API_BASE", path: "/v1")),
        "api.anthropic.com": Entry(Variable(name: "ANTHROPIC_BASE_URL")),
        "api.stripe.com": Entry(
            Variable(name: "STRIPE_API_BASE"),
            note:
                "Stripe's SDKs read no variable: stripe.api_base = os.environ[\"STRIPE_API_BASE\"], and likewise elsewhere"
        ),
        "api.mistral.ai": Entry(
            Variable(name: "MISTRAL_BASE_URL", path: "/v1"),
            note: "langchain-mistralai reads it; Mistral's own SDK takes server_url, without /v1"),
        "api.groq.com": Entry(Variable(name: "GROQ_BASE_URL")),
        "api.cohere.com": Entry(Variable(name: "CO_API_URL")),
        "api.deepseek.com": Entry(
            Variable(name: "DEEPSEEK_API_BASE", path: "/v1"),
            note: "langchain-deepseek and LiteLLM read it; the openai SDK takes base_url"),
        "api.together.xyz": Entry(Variable(name: "TOGETHER_BASE_URL", path: "/v1")),
        "api.fireworks.ai": Entry(
            Variable(name: "FIREWORKS_API_BASE", path: "/inference/v1"),
            note: "langchain-fireworks and LiteLLM read it; the openai SDK takes base_url"),
        "api.cerebras.ai": Entry(Variable(name: "CEREBRAS_BASE_URL")),
        "integrate.api.nvidia.com": Entry(Variable(name: "NVIDIA_BASE_URL", path: "/v1")),
        "generativelanguage.googleapis.com": Entry(Variable(name: "GOOGLE_GEMINI_BASE_URL")),
        "api.replicate.com": Entry(Variable(name: "REPLICATE_BASE_URL")),
        "huggingface.co": Entry(Variable(name: "HF_ENDPOINT")),
        "api.smith.langchain.com": Entry(Variable(name: "LANGSMITH_ENDPOINT")),
        "cloud.langfuse.com": Entry(Variable(name: "LANGFUSE_HOST"), Variable(name: "LANGFUSE_BASE_URL")),
        "api.wandb.ai": Entry(Variable(name: "WANDB_BASE_URL")),
        "api.pinecone.io": Entry(
            Variable(name: "PINECONE_CONTROLLER_HOST"), note: "each index has a host of its own beside it"),
        "sentry.io": Entry(Variable(name: "SENTRY_URL", path: "/"), note: "sentry-cli reads it; SDKs have a DSN"),
        "api.github.com": Entry(
            Variable(name: "GITHUB_API_URL"), note: "the toolkit of GitHub Actions reads it; gh does not"),
        "registry.npmjs.org": Entry(
            Variable(name: "npm_config_registry", path: "/"), Variable(name: "YARN_NPM_REGISTRY_SERVER"),
            note:
                "yarn 2 and later also wants YARN_UNSAFE_HTTP_WHITELIST=127.0.0.1; tarballs are fetched from the URLs in "
                + "the registry's answers, which no gateway rewrites"),
        "pypi.org": Entry(
            Variable(name: "PIP_INDEX_URL", path: "/simple/"), Variable(name: "UV_DEFAULT_INDEX", path: "/simple/"),
            note: "packages are fetched from files.pythonhosted.org, which has its own origin"),
        "conda.anaconda.org": Entry(Variable(name: "CONDA_CHANNEL_ALIAS")),
        "proxy.golang.org": Entry(Variable(name: "GOPROXY")),
        "static.rust-lang.org": Entry(
            Variable(name: "RUSTUP_DIST_SERVER"), Variable(name: "RUSTUP_UPDATE_ROOT", path: "/rustup")),
        "nodejs.org": Entry(Variable(name: "NVM_NODEJS_ORG_MIRROR", path: "/dist"), note: "nvm reads it"),
        "pub.dev": Entry(Variable(name: "PUB_HOSTED_URL")),
        "formulae.brew.sh": Entry(Variable(name: "HOMEBREW_API_DOMAIN", path: "/api")),
    ]

    /// Hosts of which there is one for each region or account, by how they end.
    private static let families: [(suffix: String, entry: Entry)] = [
        (
            ".amazonaws.com",
            Entry(
                Variable(name: "AWS_ENDPOINT_URL"),
                note: "requests signed with SigV4 cover Host, which a gateway changes: AWS refuses them")
        ),
        (".openai.azure.com", Entry(Variable(name: "AZURE_OPENAI_ENDPOINT", path: "/"))),
    ]

    /// Made of the gateway's name where its origin is not known: `BILLING_API_BASE_URL` for `billing-api`.
    static func entry(host: String, gateway: String) -> Entry {
        if let found = known[host] ?? families.first(where: { host.hasSuffix($0.suffix) })?.entry { return found }
        let word = gateway.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        let start = word.first.map { $0.isNumber ? "_" : "" } ?? ""
        return Entry(
            Variable(name: start + String(word) + "_BASE_URL"),
            note: "connd knows no SDK for \(host): set this URL as the base URL of your program in its own way")
    }

    /// Nil where the gateway listens on no TCP port.
    static func text(_ gateway: GatewayReport, _ shell: EnvironmentText.Shell) -> String? {
        guard let base = EnvironmentText.proxy(gateway.listening) else { return nil }
        let entry = entry(host: Origin(gateway.origin)?.host ?? "", gateway: gateway.name)
        let lines = entry.variables.map { EnvironmentText.assignment($0.name, base + $0.path, shell) }
        return lines.joined() + (entry.note.map { EnvironmentText.remark($0, shell) } ?? "")
    }
}
