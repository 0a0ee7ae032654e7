/* What the kernel costs by itself: a level-triggered epoll echo, one thread, one read and one write an event. Says READY and its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, EVENTS = 1024 };

/* One for each connection; what a short write leaves waits in rest. */
struct client {
    int fd;
    size_t from, to;
    char *rest;
};

static int loop;

static void check(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void drop(struct client *c) {
    close(c->fd);
    free(c->rest);
    free(c);
}

static void wait_for(struct client *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
}

static void admit(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)) {
            return;
        }
        check(fd, "accept"); /* without descriptors it would spin, and measure that */
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
    }
}

static void write_rest(struct client *c) {
    ssize_t taken = write(c->fd, c->rest + c->from, c->to - c->from);
    if (taken < 0 && errno != EAGAIN) {
        drop(c);
        return;
    }
    c->from += taken > 0 ? (size_t) taken : 0;
    if (c->from == c->to) {
        free(c->rest);
        c->rest = NULL;
        wait_for(c, EPOLLIN);
    }
}

static void echo(struct client *c, char *buffer) {
    ssize_t got = read(c->fd, buffer, BUFFER);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            drop(c);
        }
        return;
    }
    ssize_t taken = write(c->fd, buffer, (size_t) got);
    if (taken < 0 && errno != EAGAIN) {
        drop(c);
        return;
    }
    size_t sent = taken > 0 ? (size_t) taken : 0;
    if (sent < (size_t) got) {
        c->from = 0;
        c->to = (size_t) got - sent;
        c->rest = malloc(c->to);
        memcpy(c->rest, buffer + sent, c->to);
        wait_for(c, EPOLLOUT);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    static char buffer[BUFFER];
    static struct epoll_event ready[EVENTS];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(listener, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    check(bind(listener, (struct sockaddr *) &address, sizeof address), "bind");
    check(listen(listener, 1024), "listen");
    socklen_t length = sizeof address;
    check(getsockname(listener, (struct sockaddr *) &address, &length), "getsockname");
    printf("READY %d\n", ntohs(address.sin_port));
    fflush(stdout);
    loop = epoll_create1(0);
    check(loop, "epoll_create1");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    check(epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e), "epoll_ctl");
    for (;;) {
        int count = epoll_wait(loop, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *c = ready[i].data.ptr;
            if (c == NULL) {
                admit(listener);
            } else if (c->rest != NULL) {
                write_rest(c);
            } else {
                echo(c, buffer);
            }
        }
    }
}
