#define _GNU_SOURCE
#include <linux/inet_diag.h>
#include <linux/netlink.h>
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

int clinux_socket_owner(
    int diagnostics, const uint8_t *local, uint16_t local_port, const uint8_t *remote, uint16_t remote_port, int length,
    uint32_t *user, uint32_t *inode
) {
    static const int tcp = 6;
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request;
    union {
        struct nlmsghdr header;
        char room[1024];
    } answer;
    memset(&request, 0, sizeof request);
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.body.sdiag_family = length == 4 ? AF_INET : AF_INET6;
    request.body.sdiag_protocol = tcp;
    request.body.idiag_states = UINT32_MAX;
    request.body.id.idiag_sport = htons(local_port);
    request.body.id.idiag_dport = htons(remote_port);
    memcpy(request.body.id.idiag_src, local, length);
    memcpy(request.body.id.idiag_dst, remote, length);
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    drain(diagnostics);
    if (send(diagnostics, &request, sizeof request, 0) < 0) return -errno;
    ssize_t count = recv(diagnostics, &answer, sizeof answer, MSG_DONTWAIT);
    if (count < 0) return -errno;
    if (!NLMSG_OK(&answer.header, count)) return -EPROTO;
    if (answer.header.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);
        return answer.header.nlmsg_len < NLMSG_LENGTH(sizeof *error) || error->error >= 0 ? -EPROTO : error->error;
    }
    const struct inet_diag_msg *found = NLMSG_DATA(&answer.header);
    if (answer.header.nlmsg_len < NLMSG_LENGTH(sizeof *found)) return -EPROTO;
    *user = found->idiag_uid;
    *inode = found->idiag_inode;
    return 0;
}
