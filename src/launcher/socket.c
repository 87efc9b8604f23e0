#ifdef __linux__
// struct ucred
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

// Room for one descriptor, and for the sender's credentials.
union control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(struct ucred))];
};

static struct msghdr MessageOf(struct iovec* data, union control* control,
                               socklen_t room) {
  struct msghdr message = {0};
  memset(control, 0, sizeof *control);
  message.msg_iov = data;
  message.msg_iovlen = 1;
  message.msg_control = control->bytes;
  message.msg_controllen = room;
  return message;
}

ssize_t TakeMessage(int socket, struct msghdr* message, int flags) {
  ssize_t size = recvmsg(socket, message, flags);
  // The kernel has told it now, and tells it once.
  if (size < 0 && errno == ECONNRESET) size = recvmsg(socket, message, flags);
  return size;
}

ssize_t TakeBytes(int socket, void* bytes, size_t size, int flags) {
  struct iovec data = {bytes, size};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  return TakeMessage(socket, &message, flags);
}

int SendDescriptor(int socket, int number, int fd) {
  union control control;
  struct iovec data = {&number, sizeof number};
  struct msghdr message = MessageOf(&data, &control, CMSG_SPACE(sizeof fd));
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int TakeDescriptor(int socket, int* number, int* fd) {
  union control control;
  struct iovec data = {number, sizeof *number};
  struct msghdr message = MessageOf(&data, &control, CMSG_SPACE(sizeof *fd));
  *fd = -1;
  ssize_t size = TakeMessage(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size <= 0) return (int)size;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return 1;
  memcpy(fd, CMSG_DATA(header), sizeof *fd);
  if (size == sizeof *number) return 1;
  close(*fd);
  *fd = -1;
  return 1;
}

// The kernel closes the descriptors in a message for which `control` has no
// room.
ssize_t TakeText(int socket, char* text, size_t room, struct sender* sender,
                 bool* whole) {
  union control control;
  struct iovec data = {text, room - 1};
  struct msghdr message = MessageOf(&data, &control, sizeof control);
  *sender = (struct sender){0, (uid_t)-1};
  ssize_t size = TakeMessage(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return -1;
  text[size] = '\0';
  *whole = (message.msg_flags & MSG_TRUNC) == 0 && strlen(text) == (size_t)size;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_CREDENTIALS) return size;
  struct ucred from;
  memcpy(&from, CMSG_DATA(header), sizeof from);
  *sender = (struct sender){from.pid, from.uid};
  return size;
}
#endif
