/// The configuration text for each kind of program. Pure.
enum SetupText {
    /// In the first line of every file that connctl creates, after the comment sign. Other files are not connctl's.
    static let mark = "Written by `connctl enable"

    private static func head(_ command: String, sign: String = "#") -> String {
        "\(sign) \(mark) \(command)`; `connctl disable \(command)` removes it.\n"
    }

    /// True if connctl created the file.
    static func isOwn(_ text: String) -> Bool {
        let line = text.prefix { !$0.isNewline }
        return line.drop { "#/ ".contains($0) }.hasPrefix(mark)
    }

    /// For login shells; does not fail if connd was removed. A proxy that is already set and all_proxy stay as they are.
    /// connd's exceptions are added to the user's. `connctl env --unset` restores the previous values.
    static func shell(_ proxy: ProxyAddress, user: Bool) -> String {
        let own = #"[ -e "${XDG_STATE_HOME:-$HOME/.local/state}/connd/admin.url" ]"#
        let system = "[ -S /run/connd/proxy.sock ]"
        let isThere = user ? "{ \(system) || \(own); }" : system
        // Whether connd of another host is installed cannot be seen from here.
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

    /// apt runs the script for each host; it prints DIRECT while connd is stopped.
    static func apt(_ proxy: ProxyAddress, script: String) -> String {
        head("apt", sign: "//") + """
            Connd::Proxy "\(proxy)";
            Acquire::http::Proxy-Auto-Detect "\(script)";
            Acquire::https::Proxy-Auto-Detect "\(script)";

            """
    }

    /// For systemd's system.conf.d. `before`: what services get without it.
    static func services(_ proxy: ProxyAddress, before: [String: String]) -> String {
        let values = ProxyVariables.values(proxy: proxy.description, before: before).map {
            "\"\($0)=\($1.replacing("%", with: "%%"))\""
        }
        return head("services") + "[Manager]\nDefaultEnvironment=\(values.joined(separator: " "))\n"
    }

    /// For one user's environment.d of systemd.
    static func userServices(_ proxy: ProxyAddress, before: [String: String]) -> String {
        head("services --user")
            + ProxyVariables.values(proxy: proxy.description, before: before).map { "\($0)=\($1)\n" }.joined()
    }
}
