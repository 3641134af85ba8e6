/* A file of its own: linux/tcp.h knows the long tcp_info, and cannot be included beside netinet/tcp.h. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "include/clinux_tcp_info.h"

/* The kernel's "never lowered" and "never measured". */
static uint32_t known_or_zero(uint32_t value, uint32_t unknown) { return value >= unknown ? 0 : value; }

int clinux_read_tcp_info(int fd, struct clinux_known_tcp_info *known) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    known->rtt = info.tcpi_rtt;
    known->rtt_variance = info.tcpi_rttvar;
    known->min_rtt = known_or_zero(info.tcpi_min_rtt, UINT32_MAX);
    known->congestion_window = info.tcpi_snd_cwnd;
    known->slow_start_threshold = known_or_zero(info.tcpi_snd_ssthresh, 0x7fffffff);
    known->maximum_segment = info.tcpi_snd_mss;
    known->peer_window = info.tcpi_snd_wnd;
    known->retransmission_timeout = info.tcpi_rto;
    known->retransmits = info.tcpi_total_retrans;
    known->segments_sent = info.tcpi_segs_out;
    known->segments_received = info.tcpi_segs_in;
    known->congestion_state = info.tcpi_ca_state;
    known->timeouts = info.tcpi_retransmits;
    known->backoff = info.tcpi_backoff;
    known->lost = info.tcpi_lost;
    known->unacknowledged = info.tcpi_unacked;
    known->delivery_rate = info.tcpi_delivery_rate;
    known->delivery_is_application_limited = info.tcpi_delivery_rate_app_limited;
    known->bytes_acknowledged = info.tcpi_bytes_acked;
    known->bytes_received = info.tcpi_bytes_received;
    known->busy_time = info.tcpi_busy_time;
    known->window_limited_time = info.tcpi_rwnd_limited;
    known->buffer_limited_time = info.tcpi_sndbuf_limited;
    known->since_data_sent = info.tcpi_last_data_sent;
    known->since_acknowledged = info.tcpi_last_ack_recv;
    return 0;
}
