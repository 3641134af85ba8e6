#ifndef CLINUX_H
#define CLINUX_H
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* linux/tcp.h and netinet/tcp.h cannot both be included, and glibc's tcp_info is the older, shorter one: the kernel fills
   as many bytes as it is given. */

/* What is waiting on a socket that should be silent: 0 nothing, 1 bytes, 2 end of stream, 3 an error. */
static inline int clinux_idle_socket_state(int fd) {
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) return 1;
    if (n == 0) return 2;
    return (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : 3;
}

/* The congestion window in segments; 0 when it cannot be had. */
static inline uint32_t clinux_congestion_window(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    return info.tcpi_snd_cwnd;
}

static inline int clinux_set_congestion_control(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

#define CLINUX_TCP_FASTOPEN_CONNECT 30

static inline int clinux_set_int(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* The next close() of this socket sends RST and drops what is unsent. */
static inline int clinux_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
#endif
