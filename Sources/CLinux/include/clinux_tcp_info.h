#ifndef CLINUX_TCP_INFO_H
#define CLINUX_TCP_INFO_H
#include <stdint.h>

/* Of TCP_INFO; times in microseconds but for the last two, which are in milliseconds; the rate in bytes a second. What an
   older kernel does not tell is 0. */
struct clinux_known_tcp_info {
    uint32_t rtt, rtt_variance, min_rtt, retransmission_timeout;
    uint32_t congestion_window, slow_start_threshold, maximum_segment, peer_window;
    uint32_t retransmits, segments_sent, segments_received;
    uint32_t congestion_state, timeouts, backoff, lost, unacknowledged;
    uint64_t delivery_rate;
    uint32_t delivery_is_application_limited;
    uint64_t bytes_acknowledged, bytes_received;
    uint64_t busy_time, window_limited_time, buffer_limited_time;
    uint32_t since_data_sent, since_acknowledged;
};

/* 0, or -1 when it cannot be had. */
int clinux_read_tcp_info(int fd, struct clinux_known_tcp_info *known);
#endif
