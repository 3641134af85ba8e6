#ifndef CLINUX_H
#define CLINUX_H
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clinux_tcp_info.h"

/* What is waiting on a socket that should be silent: 0 nothing, 1 bytes, 2 end of stream, 3 an error. */
static inline int clinux_idle_socket_state(int fd) {
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) return 1;
    if (n == 0) return 2;
    return (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : 3;
}

static inline int clinux_set_congestion_control(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

/* 0, or -1. */
static inline int clinux_get_congestion_control(int fd, char *name, int size) {
    socklen_t length = (socklen_t)size;
    return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length);
}

#define CLINUX_TCP_FASTOPEN_CONNECT 30

static inline int clinux_set_int(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* The value, or -errno. */
static inline int clinux_get_int(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}

/* epoll_event is packed and holds a union: Swift is spared both. */
static inline int clinux_epoll_add(int epoll, int fd, uint32_t events, const void *tag) {
    struct epoll_event event = {.events = events, .data = {.ptr = (void *)tag}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static inline int clinux_epoll_modify(int epoll, int fd, uint32_t events, const void *tag) {
    struct epoll_event event = {.events = events, .data = {.ptr = (void *)tag}};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}
static inline int clinux_epoll_delete(int epoll, int fd) {
    struct epoll_event unused = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &unused);
}
struct clinux_ready {
    uint32_t events;
    const void *tag;
};
/* As epoll_wait, with the results unpacked. `timeout` in nanoseconds, below 0 for ever. */
int clinux_epoll_wait(int epoll, struct clinux_ready *ready, int count, int64_t timeout);

static inline int clinux_epoll_cloexec(void) { return EPOLL_CLOEXEC; }
static inline uint32_t clinux_epoll_error(void) { return EPOLLERR; }
static inline uint32_t clinux_epoll_in(void) { return EPOLLIN; }
static inline uint32_t clinux_epoll_out(void) { return EPOLLOUT; }
static inline uint32_t clinux_epoll_hangup(void) { return EPOLLRDHUP | EPOLLHUP | EPOLLERR; }
static inline uint32_t clinux_epoll_edges(void) { return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET; }

/* An address as 4 or 16 bytes in network order. All return a descriptor or 0, or -errno. */
int clinux_socket(int length);
/* A descriptor that becomes readable when a count is written to it. */
int clinux_eventfd(void);
/* A descriptor that becomes readable when the wall clock is set, and when the machine wakes from a suspend. Reading it
   (which fails with ECANCELED) has it wait for the next time. */
int clinux_clock_changes(void);
int clinux_bind(int fd, const uint8_t *address, int length, uint16_t port);
int clinux_connect(int fd, const uint8_t *address, int length, uint16_t port);
int clinux_listen_tcp(const uint8_t *address, int length, uint16_t port, int backlog);
/* A socket file that nobody listens on any more is replaced. */
int clinux_listen_unix(const char *path, int backlog);
/* The peer's address goes to `address`, its length (0 for a Unix socket) to `length`. */
int clinux_accept(int fd, uint8_t address[16], int *length);
/* The local address and port of a socket. Returns the address's length, 0 for a Unix socket. */
int clinux_local_address(int fd, uint8_t address[16], uint16_t *port);
/* The same of the other end. */
int clinux_remote_address(int fd, uint8_t address[16], uint16_t *port);
/* Who connected a Unix socket. 0 or -errno. */
int clinux_peer_credentials(int fd, int32_t *process, uint32_t *user);
/* A netlink socket for the next function. */
int clinux_socket_diagnostics(void);
/* The owner and the inode of the TCP socket of this host with these ends. -ENOENT where there is none. */
int clinux_socket_owner(
    int diagnostics, const uint8_t *local, uint16_t local_port, const uint8_t *remote, uint16_t remote_port, int length,
    uint32_t *user, uint32_t *inode);

#define CLINUX_MOST_OWNERS 32
struct clinux_owned_socket {
    uint8_t local[16];
    uint8_t remote[16];
    int length;
    uint16_t local_port;
    uint16_t remote_port;
    /* The answer: 0, -ENOENT where there is no such socket, or another error. */
    int32_t code;
    uint32_t user;
    /* 0: its process has closed it. */
    uint32_t inode;
    /* Of the control group in which it was opened; 0 where the kernel does not tell. */
    uint64_t control_group;
};
/* Fills in the answers, to at most CLINUX_MOST_OWNERS sockets. 0 or -errno; those that have none say -ENODATA. */
int clinux_socket_owners(int diagnostics, struct clinux_owned_socket *sockets, int count);

#define CLINUX_MOST_DESTINATIONS 64
struct clinux_destination {
    uint8_t address[16];
    int length;
    uint16_t port;
};
struct clinux_tcp_socket {
    uint8_t local[16];
    uint8_t remote[16];
    /* Of the addresses: 4 or 16. */
    int length;
    uint16_t local_port;
    uint16_t remote_port;
    /* As in linux/tcp_states.h. */
    uint8_t state;
    /* In TIME_WAIT: how long it stays there. */
    uint32_t expires_ms;
};
typedef void (*clinux_socket_visitor)(void *context, const struct clinux_tcp_socket *socket);
/* Calls back with each TCP socket of this network namespace, whoever holds it, that has addresses of this length, one of these
   states (bits), and one of these destinations; with none of them given: any. Blocks while the kernel walks its table, so it is
   not for the data loop. 0 or -errno. */
int clinux_each_tcp_socket(
    int length, uint32_t states, const struct clinux_destination *destinations, int count, clinux_socket_visitor visit,
    void *context);
/* Bytes that the peer's kernel has not acknowledged, or -errno. */
static inline int clinux_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : -errno;
}
/* The address of this host from which it reaches that one. Returns its length, or -errno where there is none. */
int clinux_source_address(const uint8_t *address, int length, uint8_t source[16]);
/* Calls back with each address of this host's interfaces. */
void clinux_each_interface_address(void (*each)(void *context, const uint8_t *address, int length), void *context);

static inline int clinux_pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}
/* Plain system calls: the C library's are points where a thread may be cancelled, which costs two atomic operations each. */
static inline ssize_t clinux_send(int fd, const void *bytes, size_t count) {
    return syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, 0, 0);
}
static inline ssize_t clinux_send_two(int fd, const void *a, size_t an, const void *b, size_t bn) {
    struct iovec parts[2] = {{(void *)a, an}, {(void *)b, bn}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}
static inline ssize_t clinux_receive(int fd, void *bytes, size_t count) {
    return syscall(SYS_recvfrom, fd, bytes, count, 0, 0, 0);
}

/* malloc, realloc and free that count the bytes held, as malloc_usable_size tells them. The last two arguments are those of
   libcrypto's allocation functions. */
void *clinux_counted_malloc(size_t size, const char *file, int line);
void *clinux_counted_realloc(void *memory, size_t size, const char *file, int line);
void clinux_counted_free(void *memory, const char *file, int line);
long clinux_counted_bytes(void);

/* At most so many heaps, however many threads there are: what one has given back serves the others. */
void clinux_bound_heaps(int count);

/* The next close() of this socket sends RST and drops what is unsent. */
static inline int clinux_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
#endif
