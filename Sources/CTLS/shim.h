#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Much of OpenSSL's interface is macros, which Swift cannot call.

static const uint64_t connd_tls_options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
static const long connd_tls_modes = SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS;
static const long connd_tls_session_cache = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL;

static inline void connd_tls_set_modes(SSL_CTX *context, long modes) {
    SSL_CTX_set_mode(context, modes);
}

static const long connd_tls_no_session_cache = SSL_SESS_CACHE_OFF;

// Shown behind the certificate itself.
static inline int connd_tls_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void connd_tls_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int connd_tls_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int connd_tls_set_max_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline int connd_tls_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void connd_tls_set_owner(SSL *ssl, void *owner) {
    SSL_set_app_data(ssl, owner);
}

static inline void *connd_tls_owner(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

// The connection whose peer's certificates are being verified.
static inline SSL *connd_tls_of_verification(X509_STORE_CTX *verification) {
    return X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
}

static inline void connd_print_name(BIO *bio, const X509_NAME *name) {
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static inline void connd_bio_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

static inline void connd_bio_clear_retry(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

static inline int connd_error_library(unsigned long code) {
    return ERR_GET_LIB(code);
}

static inline int connd_error_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

// The alert that the peer sent, if that is what the error says; else -1.
static inline int connd_error_alert(unsigned long code) {
    int reason = ERR_GET_REASON(code);
    return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256
        ? reason - SSL_AD_REASON_OFFSET
        : -1;
}

// Milliseconds since 1970; 0 if it is no time.
static inline int64_t connd_time_milliseconds(const ASN1_TIME *time) {
    struct tm parts;
    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return (int64_t)timegm(&parts) * 1000;
}

// Writes the names and addresses that a certificate is issued for, with ", " between them, as far as there is room, and
// returns how many it has. The certificate may be anyone's: what is not to be in a name is a `?`.
static inline int connd_certificate_names(const X509 *certificate, char *room, size_t size) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names), found = 0;
    size_t used = 0;
    room[0] = 0;
    for (int index = 0; index < count; index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        char address[64];
        const char *text = address;
        size_t length = 0;
        if (name->type == GEN_DNS) {
            text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
            length = (size_t)ASN1_STRING_length(name->d.dNSName);
        } else if (name->type == GEN_IPADD) {
            const unsigned char *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
            int bits = ASN1_STRING_length(name->d.iPAddress);
            if (bits == 4) {
                length = (size_t)BIO_snprintf(address, sizeof address, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
            } else if (bits == 16) {
                for (int group = 0; group < 16; group += 2) {
                    length += (size_t)BIO_snprintf(
                        address + length, sizeof address - length, group == 0 ? "%x" : ":%x",
                        bytes[group] << 8 | bytes[group + 1]);
                }
            }
        }
        if (length == 0) continue;
        size_t separator = found == 0 ? 0 : 2;
        found++;
        if (used + separator + length + 1 > size) continue;
        memcpy(room + used, ", ", separator);
        used += separator;
        for (size_t index = 0; index < length; index++, used++) {
            room[used] = text[index] > ' ' && text[index] < 0x7F && text[index] != ',' ? text[index] : '?';
        }
        room[used] = 0;
    }
    GENERAL_NAMES_free(names);
    return found;
}

// A store of all certificates of `store` but `left_out`; NULL without memory.
static inline X509_STORE *connd_store_without(X509_STORE *store, X509 *const *left_out, size_t count) {
    X509_STORE *made = X509_STORE_new();
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int index = 0; made != NULL && index < sk_X509_OBJECT_num(objects); index++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, index));
        int is_left_out = 0;
        for (size_t other = 0; certificate != NULL && other < count; other++) {
            is_left_out |= X509_cmp(certificate, left_out[other]) == 0;
        }
        if (certificate == NULL || is_left_out) continue;
        if (X509_STORE_add_cert(made, certificate) != 1) {
            X509_STORE_free(made);
            made = NULL;
        }
    }
    return made;
}

// Certificates of a local authority.

static const int connd_utf8_string = MBSTRING_UTF8;

static inline EVP_PKEY *connd_p256_key(void) {
    return EVP_EC_gen("P-256");
}

// 127 random bits, and positive.
static inline int connd_set_random_serial(X509 *certificate) {
    BIGNUM *number = BN_new();
    int done = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
        && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

// `value` as in OpenSSL's configuration files; it can refer to nothing outside.
static inline int connd_add_extension(X509 *certificate, X509 *issuer, int id, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, id, value);
    int done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}
