#ifndef CLINUX_TCP_INFO_H
#define CLINUX_TCP_INFO_H
#include <stdint.h>

/* Of TCP_INFO; times in microseconds, the rate in bytes a second. What an older kernel does not tell is 0. */
struct clinux_known_tcp_info {
    uint32_t rtt, rtt_variance, min_rtt;
    uint32_t congestion_window, maximum_segment, retransmits;
    uint64_t delivery_rate;
};

/* 0, or -1 when it cannot be had. */
int clinux_read_tcp_info(int fd, struct clinux_known_tcp_info *known);
#endif
