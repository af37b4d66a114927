/* SPDX-License-Identifier: MIT */
/*
 * workers.h -- the same work in several processes.
 */
#ifndef LULL_WORKERS_H
#define LULL_WORKERS_H

/*
 * Run work(arg) in `count` child processes and look after them: SIGINT, SIGTERM
 * and SIGHUP are passed on to them; one that fails is started again, unless it
 * failed within a second.  Each has its number, from 1, in the environment
 * variable LULL_WORKER.  Returns when all have ended: 0, or what the last one that failed exited
 * with.
 */
int lull__run_workers(unsigned count, int (*work)(void *arg), void *arg);

#endif
