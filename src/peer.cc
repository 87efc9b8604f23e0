// The other end of a pair of sockets: sock_diag(7). /proc tells which processes
// have a socket open, and not to which other socket it is connected.
#include <errno.h>

#include "call.h"
#include "register.h"

#ifdef __linux__
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fd.h"
#endif

namespace sess {
namespace {

#ifdef __linux__
struct Request {
  nlmsghdr header;
  unix_diag_req socket;
};

// A message of the kernel's, and room for its attributes.
struct Answer {
  nlmsghdr header;
  union {
    nlmsgerr error;
    unix_diag_msg socket;
    char bytes[1024];
  };
};

// The value of attribute `type` behind a unix_diag_msg; 0 when there is none.
uint32_t Attribute(const Answer& answer, size_t end, uint16_t type) {
  const char* bytes = reinterpret_cast<const char*>(&answer);
  size_t at = sizeof answer.header + NLMSG_ALIGN(sizeof answer.socket);
  while (at + sizeof(nlattr) <= end) {
    nlattr attribute;
    memcpy(&attribute, bytes + at, sizeof attribute);
    uint32_t value = 0;
    if (attribute.nla_type == type &&
        attribute.nla_len >= NLA_HDRLEN + sizeof value &&
        at + NLA_HDRLEN + sizeof value <= end) {
      memcpy(&value, bytes + at + NLA_HDRLEN, sizeof value);
      return value;
    }
    if (attribute.nla_len < NLA_HDRLEN) break;
    at += NLA_ALIGN(static_cast<size_t>(attribute.nla_len));
  }
  return 0;
}

// The inode of the socket that the unix socket of inode `inode` is connected
// to; 0 when nobody has that one open any more; -errno.
int64_t PeerInode(uint32_t inode) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (fd.get() < 0) return -errno;
  // The kernel answers within send(): the limit is for a kernel that does not.
  const timeval limit = {1, 0};
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  // Once it is connected, no process can answer in the kernel's place.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
      connect(fd.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel)) {
    return -errno;
  }
  Request request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.socket.sdiag_family = AF_UNIX;
  request.socket.udiag_states = UINT32_MAX;
  request.socket.udiag_ino = inode;
  request.socket.udiag_show = UDIAG_SHOW_PEER;
  // Any socket with that inode.
  request.socket.udiag_cookie[0] = UINT32_MAX;
  request.socket.udiag_cookie[1] = UINT32_MAX;
  if (send(fd.get(), &request, sizeof request, 0) < 0) return -errno;
  Answer answer = {};
  ssize_t size;
  do {
    size = recv(fd.get(), &answer, sizeof answer, 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return -errno;
  auto end = static_cast<size_t>(size);
  size_t least = sizeof answer.header + sizeof answer.error.error;
  if (answer.header.nlmsg_type == NLMSG_ERROR && end >= least) {
    return answer.error.error < 0 ? answer.error.error : -EPROTO;
  }
  if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      end < sizeof answer.header + sizeof answer.socket) {
    return -EPROTO;
  }
  return Attribute(answer, end, UNIX_DIAG_PEER);
}
#else
int64_t PeerInode(uint32_t) { return -ENOSYS; }
#endif

napi_value PeerInodeOf(napi_env env, napi_callback_info info) {
  double inode = 0;
  bool is_inode = Args(env, info).Double(0, &inode) && inode >= 0 &&
                  inode <= static_cast<double>(UINT32_MAX);
  // An inode has 32 bits, and no sign that would leave one for errors.
  int64_t result = is_inode ? PeerInode(static_cast<uint32_t>(inode)) : -EINVAL;
  napi_value value;
  return napi_create_int64(env, result, &value) == napi_ok ? value : nullptr;
}

constexpr Export kCalls[] = {{"peerInode", PeerInodeOf}};

}  // namespace

const Subject kPeer(kCalls);

}  // namespace sess
