#define _GNU_SOURCE
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include "clinux.h"

int clinux_peer_credentials(int fd, int32_t *process, uint32_t *user) {
    struct ucred found;
    socklen_t size = sizeof found;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return -errno;
    *process = found.pid;
    *user = found.uid;
    return 0;
}

int clinux_socket_diagnostics(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    return fd < 0 ? -errno : fd;
}

/* The kernel answers within sendto: what is read before was left over by a call that failed half way. */
static void drain(int diagnostics) {
    char byte;
    while (recv(diagnostics, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
}

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static void write_question(struct question *question, const struct clinux_owned_socket *socket, uint32_t number) {
    memset(question, 0, sizeof *question);
    question->header.nlmsg_len = sizeof *question;
    question->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question->header.nlmsg_flags = NLM_F_REQUEST;
    question->header.nlmsg_seq = number;
    question->body.sdiag_family = socket->length == 4 ? AF_INET : AF_INET6;
    question->body.sdiag_protocol = IPPROTO_TCP;
    question->body.idiag_states = UINT32_MAX;
    question->body.id.idiag_sport = htons(socket->local_port);
    question->body.id.idiag_dport = htons(socket->remote_port);
    memcpy(question->body.id.idiag_src, socket->local, socket->length);
    memcpy(question->body.id.idiag_dst, socket->remote, socket->length);
    question->body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    question->body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

static uint64_t control_group(const struct nlmsghdr *header) {
    int left = header->nlmsg_len - NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    const struct rtattr *attribute = (const struct rtattr *)((const char *)NLMSG_DATA(header) + sizeof(struct inet_diag_msg));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        uint64_t number;
        if (attribute->rta_type != INET_DIAG_CGROUP_ID || RTA_PAYLOAD(attribute) < sizeof number) continue;
        memcpy(&number, RTA_DATA(attribute), sizeof number);
        return number;
    }
    return 0;
}

static void read_answer(const struct nlmsghdr *header, struct clinux_owned_socket *socket) {
    if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        socket->code = header->nlmsg_len < NLMSG_LENGTH(sizeof *error) || error->error >= 0 ? -EPROTO : error->error;
        return;
    }
    const struct inet_diag_msg *found = NLMSG_DATA(header);
    socket->code = header->nlmsg_len < NLMSG_LENGTH(sizeof *found) ? -EPROTO : 0;
    if (socket->code != 0) return;
    socket->user = found->idiag_uid;
    socket->inode = found->idiag_inode;
    socket->control_group = control_group(header);
}

int clinux_socket_owners(int diagnostics, struct clinux_owned_socket *sockets, int count) {
    struct question questions[CLINUX_MOST_OWNERS];
    union {
        struct nlmsghdr header;
        char room[1024];
    } answer;
    if (count < 1 || count > CLINUX_MOST_OWNERS) return -EINVAL;
    for (int i = 0; i < count; i++) {
        write_question(&questions[i], &sockets[i], i + 1);
        sockets[i].code = -ENODATA;
    }
    drain(diagnostics);
    if (send(diagnostics, questions, count * sizeof questions[0], 0) < 0) return -errno;
    for (int left = count; left > 0; left--) {
        ssize_t size = recv(diagnostics, &answer, sizeof answer, MSG_DONTWAIT);
        if (size < 0) return -errno;
        if (!NLMSG_OK(&answer.header, size)) return -EPROTO;
        uint32_t number = answer.header.nlmsg_seq;
        if (number >= 1 && number <= (uint32_t)count) read_answer(&answer.header, &sockets[number - 1]);
    }
    return 0;
}

int clinux_socket_owner(
    int diagnostics, const uint8_t *local, uint16_t local_port, const uint8_t *remote, uint16_t remote_port, int length,
    uint32_t *user, uint32_t *inode
) {
    struct clinux_owned_socket socket = {.length = length, .local_port = local_port, .remote_port = remote_port};
    memcpy(socket.local, local, length);
    memcpy(socket.remote, remote, length);
    int code = clinux_socket_owners(diagnostics, &socket, 1);
    if (code != 0) return code;
    *user = socket.user;
    *inode = socket.inode;
    return socket.code;
}
