/// What ArgumentParser generates for a shell, with what the words of connctl need beside it. Pure.
enum CompletionScript {
    /// Readline breaks words at the characters of COMP_WORDBREAKS, so that http://127.0.0.1:8080 and name=value come in
    /// pieces; the generated functions take each piece for a word. Here they get whole words, and what readline has of the
    /// last one already is taken off their answers.
    static func bash(_ generated: String) -> String {
        generated + (generated.hasSuffix("\n") ? "" : "\n") + "\n" + wholeWords + "\n" + addCompletions + "\n"
            + registration
    }

    private static let wholeWords = #"""
        __connctl_whole_words() {
            local IFS=$' \t\n'
            local line="${COMP_LINE:0:${COMP_POINT}}" rest='' piece='' before=''
            local -a words=()
            local -i index
            for ((index = 0; index <= COMP_CWORD; index++)); do
                rest="${line#"${line%%[![:space:]]*}"}"
                piece="${COMP_WORDS[index]}"
                # Of the last one only what stands before the cursor.
                [[ ${index} -eq ${COMP_CWORD} ]] && piece="${rest}"
                if [[ ${index} -gt 0 && -n ${piece} && ${rest} = "${line}" && (${before} = *[:=] || ${piece} = [:=]*) ]]; then
                    words[${#words[@]}-1]+="${piece}"
                else
                    words+=("${piece}")
                fi
                line="${rest#"${piece}"}"
                before="${piece}"
            done

            # Quotes and backslashes are no part of what is meant. Readline's own word begins behind the last break.
            local current="${words[${#words[@]}-1]//\\/}" replaced="${2//\\/}" option=''
            [[ ${current} = [\"\']* ]] && current="${current:1}"
            [[ ${replaced} = [\"\']* ]] && replaced="${replaced:1}"
            [[ ${replaced} = [:=]* && ${COMP_WORDBREAKS} = *"${replaced:0:1}"* ]] && replaced=''
            local typed="${current%"${replaced}"}"
            words[${#words[@]}-1]="${current}"
            if [[ ${current} = --*=* ]]; then
                option="${current%%=*}="
                words[${#words[@]}-1]="${current%%=*}"
                words+=("${current#*=}")
            fi

            local COMP_LINE="${words[*]}"
            local -i COMP_CWORD="${#words[@]}-1" COMP_POINT="${#COMP_LINE}"
            local -a COMP_WORDS=("${words[@]}")
            local trapped
            trapped="$(trap -p RETURN)"
            _connctl "${1}" "${words[COMP_CWORD]}" "${words[COMP_CWORD-1]}"
            # The generated function leaves one that every other function would run.
            trap - RETURN
            eval "${trapped}"
            for index in "${!COMPREPLY[@]}"; do
                piece="${option}${COMPREPLY[index]}"
                COMPREPLY[index]="${piece#"${typed}"}"
            done
            # A setting's value comes next.
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} = *= ]] && compopt -o nospace 2>/dev/null
            return 0
        }

        """#

    private static let addCompletions = #"""
        # As it is generated, but for words: compgen would expand what is in them, and connd's origins are others' text.
        __connctl_add_completions() {
            local completion
            if [[ ${1} = -W ]]; then
                while IFS='' read -r completion; do
                    [[ -n ${completion} && ${completion} = "${cur}"* ]] && COMPREPLY+=("${completion}")
                done <<<"${2}"
            else
                # Else readline would put backslashes before colons.
                compopt -o filenames 2>/dev/null
                while IFS='' read -r completion; do
                    COMPREPLY+=("${completion}")
                done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
            fi
        }

        """#

    private static let registration = #"""
        complete -r connctl
        complete -F __connctl_whole_words connctl

        """#
}
