#define _GNU_SOURCE
#include "clinux.h"
#include <malloc.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
    struct sockaddr_storage room;
};

static socklen_t fill(union any_address *out, const uint8_t *address, int length, uint16_t port) {
    memset(out, 0, sizeof *out);
    if (length == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        memcpy(&out->v4.sin_addr, address, 4);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    memcpy(&out->v6.sin6_addr, address, 16);
    return sizeof out->v6;
}

static int extract(const union any_address *from, uint8_t address[16], uint16_t *port) {
    if (from->any.sa_family == AF_INET) {
        memcpy(address, &from->v4.sin_addr, 4);
        *port = ntohs(from->v4.sin_port);
        return 4;
    }
    if (from->any.sa_family == AF_INET6) {
        memcpy(address, &from->v6.sin6_addr, 16);
        *port = ntohs(from->v6.sin6_port);
        return 16;
    }
    *port = 0;
    return 0;
}

int clinux_epoll_wait(int epoll, struct clinux_ready *ready, int count, int64_t timeout) {
    struct epoll_event events[256];
    int n;
    if (count > 256) count = 256;
    if (timeout <= 0) {
        n = epoll_wait(epoll, events, count, timeout < 0 ? -1 : 0);
    } else {
        /* Rounded up: waking a moment too early would only mean to wait again. */
        int64_t milliseconds = (timeout + 999999) / 1000000;
        n = epoll_wait(epoll, events, count, milliseconds > 3600000 ? 3600000 : (int)milliseconds);
    }
    for (int i = 0; i < n; i++) {
        ready[i].events = events[i].events;
        ready[i].tag = events[i].data.ptr;
    }
    return n < 0 ? -errno : n;
}

int clinux_socket(int length) {
    int fd = socket(length == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int clinux_bind(int fd, const uint8_t *address, int length, uint16_t port) {
    union any_address target;
    socklen_t size = fill(&target, address, length, port);
    return bind(fd, &target.any, size) == 0 ? 0 : -errno;
}

int clinux_connect(int fd, const uint8_t *address, int length, uint16_t port) {
    union any_address target;
    socklen_t size = fill(&target, address, length, port);
    return connect(fd, &target.any, size) == 0 ? 0 : -errno;
}

int clinux_source_address(const uint8_t *address, int length, uint8_t source[16]) {
    union any_address target;
    uint16_t port;
    socklen_t size = fill(&target, address, length, 9);
    int fd = socket(target.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    /* Sends nothing: the kernel only looks for a route and an address. */
    int found = connect(fd, &target.any, size) == 0 ? clinux_local_address(fd, source, &port) : -errno;
    close(fd);
    return found;
}

static int fail(int fd) {
    int error = errno;
    close(fd);
    return -error;
}

int clinux_listen_tcp(const uint8_t *address, int length, uint16_t port, int backlog) {
    int on = 1;
    int fd = clinux_socket(length);
    if (fd < 0) return fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (length == 16) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    union any_address target;
    socklen_t size = fill(&target, address, length, port);
    if (bind(fd, &target.any, size) != 0 || listen(fd, backlog) != 0) return fail(fd);
    return fd;
}

int clinux_listen_unix(const char *path, int backlog) {
    union any_address target;
    memset(&target, 0, sizeof target);
    if (strlen(path) >= sizeof target.path.sun_path) return -ENAMETOOLONG;
    target.path.sun_family = AF_UNIX;
    strcpy(target.path.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        if (connect(fd, &target.any, sizeof target.path) == 0 || errno == EAGAIN) {
            close(fd);
            return -EADDRINUSE;
        }
        unlink(path);
        close(fd);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return -errno;
    }
    if (bind(fd, &target.any, sizeof target.path) != 0 || listen(fd, backlog) != 0) return fail(fd);
    return fd;
}

int clinux_accept(int fd, uint8_t address[16], int *length) {
    union any_address peer;
    socklen_t size = sizeof peer;
    uint16_t port;
    int client = accept4(fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return -errno;
    *length = size >= sizeof(sa_family_t) ? extract(&peer, address, &port) : 0;
    return client;
}

int clinux_local_address(int fd, uint8_t address[16], uint16_t *port) {
    union any_address local;
    socklen_t size = sizeof local;
    *port = 0;
    if (getsockname(fd, &local.any, &size) != 0) return 0;
    return extract(&local, address, port);
}

int clinux_remote_address(int fd, uint8_t address[16], uint16_t *port) {
    union any_address remote;
    socklen_t size = sizeof remote;
    *port = 0;
    if (getpeername(fd, &remote.any, &size) != 0) return 0;
    return extract(&remote, address, port);
}

void clinux_each_interface_address(void (*each)(void *, const uint8_t *, int), void *context) {
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0) return;
    for (struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
        uint8_t address[16];
        uint16_t port;
        union any_address local;
        if (!entry->ifa_addr) continue;
        int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        memset(&local, 0, sizeof local);
        memcpy(&local, entry->ifa_addr, family == AF_INET ? sizeof local.v4 : sizeof local.v6);
        int length = extract(&local, address, &port);
        each(context, address, length);
    }
    freeifaddrs(list);
}

int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int clinux_clock_changes(void) {
    /* It would end in some hundred years: what wakes it is that the clock is set. */
    struct itimerspec never = {.it_value = {.tv_sec = INT64_MAX / 1000000000}};
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return -1;
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0) return fd;
    close(fd);
    return -1;
}

void clinux_bound_heaps(int count) {
    mallopt(M_ARENA_MAX, count);
}
