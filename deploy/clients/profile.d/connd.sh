# Written by `connctl enable shell`; `connctl disable shell` removes it.
# HTTP_PROXY in capitals is left out: a CGI program would take a client's Proxy field for it.
if [ -S /run/connd/proxy.sock ] && [ -z "${all_proxy-}${ALL_PROXY-}" ]; then
    export http_proxy="${http_proxy-http://127.0.0.1:3128}"
    export https_proxy="${https_proxy-${HTTPS_PROXY-http://127.0.0.1:3128}}"
    export HTTPS_PROXY="${HTTPS_PROXY-$https_proxy}"
    export no_proxy="${no_proxy-${NO_PROXY-localhost,127.0.0.1,::1}}"
    export NO_PROXY="${NO_PROXY-$no_proxy}"
fi
