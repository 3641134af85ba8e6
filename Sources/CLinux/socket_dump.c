#define _GNU_SOURCE
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/time.h>

#include "clinux.h"

/* The kernel runs this program on each socket and reports those for which it ends exactly at its end (INET_DIAG_REQ_BYTECODE).
   For each destination: a condition, and behind it a jump to the end; a socket that does not fit goes on with the next. */
struct condition {
    struct inet_diag_bc_op op;
    struct inet_diag_hostcond host;
};

static size_t size_of(const struct clinux_destination *destination) {
    return sizeof(struct condition) + destination->length + sizeof(struct inet_diag_bc_op);
}

/* The program without its last jump: behind the last condition is the end already. */
static size_t write_filter(char *out, const struct clinux_destination *destinations, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += size_of(&destinations[i]);
    total -= sizeof(struct inet_diag_bc_op);
    size_t place = 0;
    for (int i = 0; i < count; i++) {
        const struct clinux_destination *destination = &destinations[i];
        size_t length = sizeof(struct condition) + destination->length;
        struct condition condition;
        memset(&condition, 0, sizeof condition);
        condition.op.code = INET_DIAG_BC_D_COND;
        condition.op.yes = length;
        /* Over the jump; at the last one 4 beyond the end, which says no. */
        condition.op.no = length + sizeof(struct inet_diag_bc_op);
        condition.host.family = destination->length == 4 ? AF_INET : AF_INET6;
        condition.host.prefix_len = destination->length * 8;
        condition.host.port = destination->port;
        memcpy(out + place, &condition, sizeof condition);
        memcpy(out + place + sizeof condition, destination->address, destination->length);
        place += length;
        if (i + 1 == count) break;
        struct inet_diag_bc_op jump = {.code = INET_DIAG_BC_JMP, .yes = sizeof jump, .no = total - place};
        memcpy(out + place, &jump, sizeof jump);
        place += sizeof jump;
    }
    return total;
}

static int ask(int diagnostics, int family, uint32_t states, const struct clinux_destination *destinations, int count) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = states;
    char filter[CLINUX_MOST_DESTINATIONS * (sizeof(struct condition) + 16 + sizeof(struct inet_diag_bc_op))];
    struct rtattr attribute = {.rta_type = INET_DIAG_REQ_BYTECODE};
    struct iovec parts[3] = {{&request, sizeof request}};
    int used = 1;
    size_t total = sizeof request;
    if (count > 0) {
        size_t length = write_filter(filter, destinations, count);
        attribute.rta_len = RTA_LENGTH(length);
        parts[1] = (struct iovec){&attribute, sizeof attribute};
        parts[2] = (struct iovec){filter, length};
        used = 3;
        total += attribute.rta_len;
    }
    request.header.nlmsg_len = total;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = used};
    return sendmsg(diagnostics, &message, 0) < 0 ? -errno : 0;
}

static void report(const struct inet_diag_msg *found, clinux_socket_visitor visit, void *context) {
    struct clinux_tcp_socket socket;
    memset(&socket, 0, sizeof socket);
    socket.length = found->idiag_family == AF_INET ? 4 : 16;
    memcpy(socket.local, found->id.idiag_src, socket.length);
    memcpy(socket.remote, found->id.idiag_dst, socket.length);
    socket.local_port = ntohs(found->id.idiag_sport);
    socket.remote_port = ntohs(found->id.idiag_dport);
    socket.state = found->idiag_state;
    socket.expires_ms = found->idiag_expires;
    visit(context, &socket);
}

/* 0 at the end of the answer, 1 if there is more, or -errno. */
static int read_part(int diagnostics, char *room, size_t size, clinux_socket_visitor visit, void *context) {
    ssize_t count = recv(diagnostics, room, size, MSG_TRUNC);
    if (count < 0) return errno == EINTR ? 1 : -errno;
    if ((size_t)count > size) return -EMSGSIZE;
    for (struct nlmsghdr *header = (struct nlmsghdr *)room; NLMSG_OK(header, count); header = NLMSG_NEXT(header, count)) {
        if (header->nlmsg_type == NLMSG_DONE) return 0;
        if (header->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = NLMSG_DATA(header);
            return header->nlmsg_len < NLMSG_LENGTH(sizeof *error) || error->error >= 0 ? -EPROTO : error->error;
        }
        const struct inet_diag_msg *found = NLMSG_DATA(header);
        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof *found)) report(found, visit, context);
    }
    return 1;
}

int clinux_each_tcp_socket(
    int length, uint32_t states, const struct clinux_destination *destinations, int count, clinux_socket_visitor visit,
    void *context
) {
    static const size_t size = 64 * 1024;
    if (count > CLINUX_MOST_DESTINATIONS) return -E2BIG;
    int diagnostics = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (diagnostics < 0) return -errno;
    /* The kernel answers at once; a thread must not hang where it does not. */
    struct timeval patience = {.tv_sec = 5};
    setsockopt(diagnostics, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char *room = malloc(size);
    int code = room == NULL ? -ENOMEM : ask(diagnostics, length == 4 ? AF_INET : AF_INET6, states, destinations, count);
    if (code == 0) do code = read_part(diagnostics, room, size, visit, context); while (code > 0);
    free(room);
    close(diagnostics);
    return code;
}
