/// What is written for each kind of program, in its own words. Pure.
enum SetupText {
    /// On the first line of every file of connctl's own, after the comment's sign. What lacks it is somebody else's.
    static let mark = "Written by `connctl enable"

    private static func head(_ command: String, sign: String = "#") -> String {
        "\(sign) \(mark) \(command)`; `connctl disable \(command)` removes it.\n"
    }

    /// Whether connctl made a file that begins so.
    static func isOwn(_ text: String) -> Bool {
        let line = text.prefix { !$0.isNewline }
        return line.drop { "#/ ".contains($0) }.hasPrefix(mark)
    }

    /// For login shells; nothing here fails where connd was removed. A proxy that is set, and all_proxy, are the user's own;
    /// to the user's exceptions those of connd are added. `connctl env --unset` gives back what was there.
    static func shell(_ proxy: ProxyAddress, user: Bool) -> String {
        let own = #"[ -e "${XDG_STATE_HOME:-$HOME/.local/state}/connd/admin.url" ]"#
        let system = "[ -S /run/connd/proxy.sock ]"
        let isThere = user ? "{ \(system) || \(own); }" : system
        // Whether another host's connd is there cannot be seen from here.
        let conditions = (proxy.isLocal ? [isThere] : []) + [#"[ -z "${all_proxy-}${ALL_PROXY-}" ]"#]
        let names = ProxyVariables.proxyNames + ProxyVariables.exceptionNames
        let saved = names.map {
            #"        export \#(ProxyVariables.savedName(of: $0))="${\#($0)+=$\#($0)}""#
        }.joined(separator: "\n")
        let exceptions = ProxyVariables.exceptions.map { "'\($0)'" }.joined(separator: " ")
        let additions = ProxyVariables.exceptionNames.map { name in
            """
                    case ",$\(name)," in
                        ',*,' | *",$connd_entry,"*) ;;
                        *) \(name)="${\(name):+${\(name)%,},}$connd_entry" ;;
                    esac
            """
        }.joined(separator: "\n")
        return head(user ? "shell --user" : "shell") + """
            # HTTP_PROXY in capitals is left out: a CGI program would take a client's Proxy field for it.
            if \(conditions.joined(separator: " && ")); then
                # For `connctl env --unset`: what was there before, behind a =.
                if [ -z "${\(ProxyVariables.savedName(of: "no_proxy"))+x}" ]; then
            \(saved)
                fi
                export http_proxy="${http_proxy-\(proxy)}"
                export https_proxy="${https_proxy-${HTTPS_PROXY-\(proxy)}}"
                export HTTPS_PROXY="${HTTPS_PROXY-$https_proxy}"
                export no_proxy="${no_proxy:-${NO_PROXY-}}"
                export NO_PROXY="${NO_PROXY:-$no_proxy}"
                for connd_entry in \(exceptions); do
            \(additions)
                done
                unset connd_entry
            fi

            """
    }

    /// The script is asked for each host, and answers DIRECT while connd is stopped.
    static func apt(_ proxy: ProxyAddress, script: String) -> String {
        head("apt", sign: "//") + """
            Connd::Proxy "\(proxy)";
            Acquire::http::Proxy-Auto-Detect "\(script)";
            Acquire::https::Proxy-Auto-Detect "\(script)";

            """
    }

    /// For systemd's system.conf.d. `before`: what services are given without it.
    static func services(_ proxy: ProxyAddress, before: [String: String]) -> String {
        let values = ProxyVariables.values(proxy: proxy.description, before: before).map {
            "\"\($0)=\($1.replacing("%", with: "%%"))\""
        }
        return head("services") + "[Manager]\nDefaultEnvironment=\(values.joined(separator: " "))\n"
    }

    /// For systemd's environment.d, of one user.
    static func userServices(_ proxy: ProxyAddress, before: [String: String]) -> String {
        head("services --user")
            + ProxyVariables.values(proxy: proxy.description, before: before).map { "\($0)=\($1)\n" }.joined()
    }
}
