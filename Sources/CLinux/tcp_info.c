/* A file of its own: linux/tcp.h knows the long tcp_info, and cannot be included beside netinet/tcp.h. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "include/clinux_tcp_info.h"

int clinux_read_tcp_info(int fd, struct clinux_known_tcp_info *known) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    known->rtt = info.tcpi_rtt;
    known->rtt_variance = info.tcpi_rttvar;
    known->min_rtt = info.tcpi_min_rtt == (uint32_t)-1 ? 0 : info.tcpi_min_rtt;
    known->congestion_window = info.tcpi_snd_cwnd;
    known->maximum_segment = info.tcpi_snd_mss;
    known->retransmits = info.tcpi_total_retrans;
    known->delivery_rate = info.tcpi_delivery_rate;
    return 0;
}
