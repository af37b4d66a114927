/* SPDX-License-Identifier: MIT */
/*
 * server.h -- a server under measurement, and the processors of a run.
 *
 * A run has one server, a process of its own that prints "port=..." once it
 * can be reached, and what loads it.  Its CPU time is that of this one process
 * with all its threads: servers that like to fork are told not to.  With two
 * processors or more the server and the load each get their own, so that
 * neither waits for the other's time slice.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <time.h>

enum { LOAD_PROCESSOR, SERVER_PROCESSOR };

/* Prints what failed (with errno, unless that is 0), kills the server, exits. */
_Noreturn void fail(const char *what);

/* Seconds on a clock. */
double seconds(clockid_t clock);

/* Binds this process to the n-th processor it may use, if there are several. */
void pin(int nth);

/* Starts the server on its processor and returns the port it prints. */
int server_start(char **argv);

/* Seconds of CPU (user and system, all threads) the server has spent. */
double server_seconds(void);

void server_stop(void);

/* A blocking connection to that port of this host, with TCP_NODELAY. */
int server_connect(int port);

#endif
