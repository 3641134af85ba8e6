/// The bits of an event as epoll reports it.
package enum ReadyEvents {
    /// EPOLLIN: bytes or an end can be read.
    package static let input: UInt32 = 0x001
    /// EPOLLOUT: there is room for output.
    package static let output: UInt32 = 0x004
    /// EPOLLERR.
    package static let error: UInt32 = 0x008
    /// EPOLLERR, EPOLLHUP or EPOLLRDHUP: at least the peer's end of output was seen.
    package static let hangup: UInt32 = 0x008 | 0x010 | 0x2000
}
