#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// Swift cannot call variadic functions such as curl_easy_setopt; each of these passes one type of argument.

static inline CURLcode connd_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode connd_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode connd_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*connd_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode connd_curl_set_receiver(CURL *handle, CURLoption option, connd_curl_receiver value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode connd_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode connd_curl_get_time(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

// The result is a member of a union, which Swift imports as untyped bytes.
static inline CURLcode connd_curl_result(const CURLMsg *message) {
    return message->data.result;
}
