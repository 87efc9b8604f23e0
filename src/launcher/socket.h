// Messages on sockets, with what the kernel adds to them: unix(7).
#ifndef SETSID_SOCKET_H_
#define SETSID_SOCKET_H_

#ifdef __linux__
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

// recvmsg(2) of a socket that keeps the borders of messages. Where the other
// end has gone with something unread, the kernel tells that first (ECONNRESET),
// and then gives what that end had sent. This gives what was sent.
ssize_t TakeMessage(int socket, struct msghdr* message, int flags);

// The same, as recv(2).
ssize_t TakeBytes(int socket, void* bytes, size_t size, int flags);

// Sends a number with a descriptor. 0, or -1 with errno.
int SendDescriptor(int socket, int number, int fd);

// Takes one such message: 1; 0 when the last sender is gone; -1 when there is
// no message. `fd` is -1 when the message has another form.
int TakeDescriptor(int socket, int* number, int* fd);

// The process that sent a message; pid 0: not known.
struct sender {
  pid_t pid;
  uid_t uid;
};

// Takes a message as a text of up to `room` - 1 bytes, if one is there. Returns
// its size, or -1 with errno. `whole`: it has fitted, and has no NUL.
ssize_t TakeText(int socket, char* text, size_t room, struct sender* sender,
                 bool* whole);
#endif

#endif  // SETSID_SOCKET_H_
