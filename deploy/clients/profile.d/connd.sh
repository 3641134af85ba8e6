# Written by `connctl enable shell`; `connctl disable shell` removes it.
# HTTP_PROXY in capitals is left out: a CGI program would take a client's Proxy field for it.
if [ -S /run/connd/proxy.sock ] && [ -z "${all_proxy-}${ALL_PROXY-}" ]; then
    # For `connctl env --unset`: what was there before, behind a =.
    if [ -z "${CONND_SAVED_no+x}" ]; then
        export CONND_SAVED_http="${http_proxy+=$http_proxy}"
        export CONND_SAVED_https="${https_proxy+=$https_proxy}"
        export CONND_SAVED_HTTPS="${HTTPS_PROXY+=$HTTPS_PROXY}"
        export CONND_SAVED_no="${no_proxy+=$no_proxy}"
        export CONND_SAVED_NO="${NO_PROXY+=$NO_PROXY}"
    fi
    export http_proxy="${http_proxy-http://127.0.0.1:3128}"
    export https_proxy="${https_proxy-${HTTPS_PROXY-http://127.0.0.1:3128}}"
    export HTTPS_PROXY="${HTTPS_PROXY-$https_proxy}"
    export no_proxy="${no_proxy:-${NO_PROXY-}}"
    export NO_PROXY="${NO_PROXY:-$no_proxy}"
    for connd_entry in 'localhost' '127.0.0.1' '::1' '[::1]'; do
        case ",$no_proxy," in
            ',*,' | *",$connd_entry,"*) ;;
            *) no_proxy="${no_proxy:+${no_proxy%,},}$connd_entry" ;;
        esac
        case ",$NO_PROXY," in
            ',*,' | *",$connd_entry,"*) ;;
            *) NO_PROXY="${NO_PROXY:+${NO_PROXY%,},}$connd_entry" ;;
        esac
    done
    unset connd_entry
fi
