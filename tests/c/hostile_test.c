/* SPDX-License-Identifier: MIT */
/*
 * hostile_test.c -- every script of tests/corpus/hostile in a limited runtime.
 *
 * Each runs on a base that it shares with a well-behaved neighbour and with a
 * timer of the host's: it must end as its header says, in time, within its
 * memory, and hold up neither of them.  Then each is freed in flight, has
 * memory refused at a random moment, and runs together with others; at last
 * twenty runaways share one base.
 *
 * The header of a script, lines at its very top:
 *   -- expect: limit|failed   how its call ends: one of these
 *   -- message: text          a part of the outcome's message
 *   -- host: cancel           (or kill) what the host does after 0.1 s
 *   -- within: seconds        of wall time, more of it when it is tried again;
 *                             2.2 when not said
 *   -- delay: ms              how late the host's timer may be at most; 250.  What
 *                             other programs took of the processor does not count
 *   -- needs: word            skipped where the word is in `missing`
 *   -- known: text            its faults are printed, and do not count
 *
 * Usage: hostile_test [name]...; LULL_SEED=n repeats a run's random choices,
 * LULL_REFUSALS=n has memory refused n times for each script.  How each script
 * ended is printed for those that were named.
 */
#include "corpus.h"
#include "house.h"

#include <math.h>
#include <stdarg.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define PATIENCE 4 /* everything may take so much longer */
#else
#define PATIENCE 1
#endif

#define HELD_UP  20 /* seconds that others may take */
#define MEMORY   ((size_t)8 << 20)
#define TRIES    3 /* of what was late: the machine may have been busy */
#define TOGETHER 10
#define RUNAWAYS 20

static const char *const status_names[] = {"done",      "failed",  "cancelled", "exited",
                                           "no-memory", "bad-use", "syntax",    "no-file",
                                           "deadlock",  "limit",   "late"};

/* One run of a script. */
struct life {
    struct script *script;
    struct counted counted;
    struct lull_runtime *rt;
    struct lull_task *task; /* NULL once it has ended */
    struct told told;
    double started;
    double ended;
    unsigned long printed;
};

static unsigned long faults;
static unsigned long forgiven;
static const char *volatile current = "";

/* A fault of a script's run: told, and counted unless it is known. */
__attribute__((format(printf, 3, 4))) static void
fault(const struct script *script, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s: %s: ", script->name, where);
    vprintf(format, args);
    va_end(args);
    if (script->known[0] != '\0') {
        forgiven++;
        printf(" [known: %s]", script->known);
    } else {
        faults++;
    }
    putchar('\n');
    fflush(stdout);
}

static void on_fatal(int number)
{
    const char *name = current;
    static const char text[] = "\nhostile_test: a crash or a hang in ";
    if (write(2, text, sizeof text - 1) < 0 || write(2, name, strlen(name)) < 0 ||
        write(2, "\n", 1) < 0)
        _exit(98);
    signal(number, SIG_DFL);
    raise(number);
}

/* ---- one life -------------------------------------------------------------------- */

static void count_print(void *arg, const char *text, size_t size)
{
    struct life *life = arg;
    (void)text;
    (void)text;
    life->printed += size;
}

static void on_end(struct lull_runtime *rt, const struct lull_outcome *outcome, void *arg)
{
    struct life *life = arg;
    tell(rt, outcome, &life->told);
    life->task = NULL;
    life->ended = now();
}

/* A runtime with the script started in it; rt may stay NULL when memory is refused. */
static void begin(struct life *life, struct script *script, struct event_base *base,
                  double cpu)
{
    const struct lull_options options = {
        .size = sizeof options,
        .base = base,
        .alloc = counted_alloc,
        .alloc_ud = &life->counted,
        .memory_limit = MEMORY,
        .report = ignore_report,
        .ignore_environment = 1,
        .print = count_print,
        .print_arg = life,
        .slice_signal = SIGRTMIN + 1,
        .slice = SLICE_MS * 1e-3,
        .cpu_limit = cpu,
        .max_tasks = 1000,
        .max_handles = 50,
        .max_buffered = 1 << 20,
        .max_output = 64 << 10,
    };
    const struct lull_call_options call = {
        .size = sizeof call, .done = on_end, .arg = life, .cpu_limit = cpu};
    current = script->name;
    alarm(10 * HELD_UP);
    life->script = script;
    life->started = now();
    life->rt = lull_new(&options);
    if (life->rt == NULL)
        return;
    if (lull_load(life->rt, script->source, script->size, script->name) == LULL_DONE)
        life->task = lull_call_with(life->rt, 0, &call);
    life->told.times = life->task != NULL ? 0 : -1; /* -1: nobody is to be told */
}

/* The host asks for an end where the header says so. */
static void intervene(struct life *life, int *step)
{
    const char *host = life->script->host;
    if (life->task == NULL || *host == '\0' || *step != 0 || now() - life->started < 0.1)
        return;
    *step = 1;
    if (strcmp(host, "kill") == 0)
        lull_kill(life->rt, life->task);
    else
        lull_cancel(life->rt, life->task, "enough");
}

/* Free it, and look at what is left. */
static void finish(struct life *life, const char *where, double grace)
{
    double began = now(), cpu_began = cpu_now();
    if (life->rt != NULL) {
        if (lull_memory_peak(life->rt) > MEMORY)
            fault(life->script, where, "%zu bytes were in use",
                  lull_memory_peak(life->rt));
        lull_free(life->rt, grace);
        if (life->told.times != 1 && life->told.times != -1)
            fault(life->script, where, "told %d times", life->told.times);
    }
    if (life->counted.used != 0)
        fault(life->script, where, "%zu bytes are left", life->counted.used);
    if (cpu_now() - cpu_began > grace + PATIENCE || now() - began > grace + HELD_UP)
        fault(life->script, where, "lull_free took %.2f s", now() - began);
    alarm(0);
}

static int is_expected(const struct script *script, const struct told *told)
{
    char expect[sizeof script->expect];
    if (PATIENCE > 1 && told->status == LULL_LIMIT)
        return 1; /* everything takes longer, and the limit is the same */
    if (strstr(told->message, script->message) == NULL)
        return 0;
    memcpy(expect, script->expect, sizeof expect);
    for (char *word = strtok(expect, "| "); word != NULL; word = strtok(NULL, "| "))
        if (strcmp(word, status_names[told->status]) == 0)
            return 1;
    return 0;
}

static void check_end(const struct life *life, const char *where, double within)
{
    const struct told *told = &life->told;
    if (told->times == 0)
        fault(life->script, where, "has not ended within %.1f s", within);
    else if (told->times == 1 && !is_expected(life->script, told))
        fault(life->script, where, "ended %s: %s", status_names[told->status],
              told->message);
    else if (told->times == -1)
        fault(life->script, where, "was not started");
}

static double busy(const struct life *life)
{
    struct lull_stats stats = {.size = sizeof stats};
    lull_get_stats(life->rt, &stats);
    return stats.busy;
}

/* Handlers may run on for as long as a task may; then nothing does. */
static int comes_to_rest(const struct life *life, struct house *house)
{
    double cpu = cpu_now(), since = now();
    while (cpu_now() - cpu < (5 + CPU) * PATIENCE && now() - since < 3 * HELD_UP) {
        double before = busy(life);
        if (!await_beats(house, 3))
            return 0;
        if (busy(life) - before < 0.01)
            return 1;
    }
    return 0;
}

/* ---- alone with the neighbour ---------------------------------------------------- */

static void describe(const struct life *life, double late)
{
    printf("%-24s %-9s %5.2f s, host at most %3.0f ms late, %5zu KiB: %.60s\n",
           life->script->name,
           life->told.times == 1 ? status_names[life->told.status] : "-",
           life->ended - life->started, late, lull_memory_peak(life->rt) >> 10,
           life->told.message);
}

static void check_alone(struct script *script, int verbose)
{
    for (int try = 1; try <= TRIES; try++) {
        struct house house;
        struct life life = {0};
        double within = script->within * PATIENCE * try * try; /* longer each time */
        int step = 0;
        open_house(&house);
        begin(&life, script, house.base, CPU);
        while (life.told.times == 0 && now() - life.started < within) {
            event_base_loop(house.base, EVLOOP_ONCE);
            intervene(&life, &step);
        }
        int beats = await_beats(&house, 3);
        int rests = comes_to_rest(&life, &house);
        double late = house.worst * 1e3, gap = house.worst_gap * 1e3;
        double most = script->delay * PATIENCE;
        script->calls = life.counted.calls;
        int was_late = late > most || gap > 2 * most + 50 || life.told.times == 0 ||
                       !beats || (life.task == NULL && !rests);
        if (was_late && try < TRIES && script->known[0] == '\0') {
            finish(&life, "alone", 0);
            close_house(&house);
            continue;
        }
        if (verbose)
            describe(&life, late);
        check_end(&life, "alone", within);
        if (late > most)
            fault(script, "alone", "the host's timer was %.0f ms late", late);
        if (gap > 2 * most + 50 || !beats)
            fault(script, "alone", "the neighbour was held up for %.0f ms", gap);
        if (life.task == NULL && !rests)
            fault(script, "alone", "goes on after its end");
        if (life.printed > (size_t)(life.ended - life.started + 2) * (64 << 10))
            fault(script, "alone", "%lu bytes were printed", life.printed);
        finish(&life, "alone", 0);
        close_house(&house);
        return;
    }
}

/* ---- freed in flight, without memory ---------------------------------------------- */

static double random_unit(void)
{
    return (double)rand() / ((double)RAND_MAX + 1);
}

static void pump(struct event_base *base, const struct life *life, double seconds)
{
    double until = now() + seconds;
    while (life->task != NULL && now() < until)
        event_base_loop(base, EVLOOP_ONCE);
}

static void check_freed(struct script *script, struct house *house, double grace)
{
    struct life life = {0};
    begin(&life, script, house->base, CPU / 4);
    pump(house->base, &life, 0.03 * random_unit());
    int unfinished = life.task != NULL;
    finish(&life, grace > 0 ? "freed with grace" : "freed in flight", grace);
    if (unfinished && grace <= 0 && life.told.status != LULL_CANCELLED &&
        life.told.status != LULL_EXITED)
        fault(script, "freed in flight", "ended %s: %s", status_names[life.told.status],
              life.told.message);
}

/* Most moments that matter are early ones. */
static void check_refused(struct script *script, struct house *house)
{
    struct life life = {0};
    char where[64];
    double most = script->calls > 1 ? (double)script->calls : 10000;
    life.counted.fail_at = (unsigned long)exp(random_unit() * log(most)) + 1;
    if (random_unit() < 0.7) /* past the making of the runtime */
        life.counted.fail_at += 3500;
    life.counted.once = random_unit() < 0.5;
    snprintf(where, sizeof where, "allocation %lu%s refused", life.counted.fail_at,
             life.counted.once ? "" : " and later ones");
    begin(&life, script, house->base, CPU / 4);
    if (life.rt != NULL)
        pump(house->base, &life, 0.05);
    finish(&life, where, random_unit() < 0.5 ? 0 : 0.01);
}

/* ---- together ----------------------------------------------------------------------- */

static size_t unfinished(const struct life *lives, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        left += lives[i].told.times == 0;
    return left;
}

static void check_together(struct script *scripts, size_t count)
{
    struct house house;
    struct life lives[TOGETHER];
    int steps[TOGETHER] = {0};
    double within = 0, since = now();
    memset(lives, 0, sizeof lives);
    open_house(&house);
    for (size_t i = 0; i < count; i++) {
        begin(&lives[i], &scripts[i], house.base, CPU / 4);
        within += scripts[i].within * PATIENCE;
    }
    within += HELD_UP;
    current = "a batch";
    alarm((unsigned)within + 60);
    while (unfinished(lives, count) > 0 && now() - since < within) {
        event_base_loop(house.base, EVLOOP_ONCE);
        for (size_t i = 0; i < count; i++)
            intervene(&lives[i], &steps[i]);
    }
    for (size_t i = 0; i < count; i++) {
        check_end(&lives[i], "together", within);
        finish(&lives[i], "together", 0);
    }
    if (!await_beats(&house, 1))
        fault(&scripts[0], "together", "the neighbour does not go on");
    close_house(&house);
}

/* ---- twenty runaways ------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check_runaways(void)
{
    struct script runaway = {
        .name = "runaway", .source = "while true do end", .size = 17, .expect = "limit"};
    struct house house;
    struct life lives[RUNAWAYS];
    memset(lives, 0, sizeof lives);
    open_house(&house);
    house.delays = calloc(MOST_DELAYS, sizeof *house.delays);
    CHECK(house.delays != NULL);
    for (size_t i = 0; i < RUNAWAYS; i++)
        begin(&lives[i], &runaway, house.base, 0.1);
    begin_measure(&house);
    while (unfinished(lives, RUNAWAYS) > 0)
        event_base_loop(house.base, EVLOOP_ONCE);
    for (size_t i = 0; i < RUNAWAYS; i++) {
        check_end(&lives[i], "runaways", 0);
        finish(&lives[i], "runaways", 0);
    }
    qsort(house.delays, house.kept, sizeof *house.delays, by_value);
    CHECK(house.kept > 0);
    double median = house.delays[house.kept / 2] * 1e3;
    double most = house.delays[house.kept - 1] * 1e3;
    printf("%d runaways, slices of %d ms: the host's timer is late by %.1f ms (median), "
           "%.1f ms (at most), of %zu; %lu beats of the neighbour\n",
           RUNAWAYS, SLICE_MS, median, most, house.kept, house.beats);
    if (median > 4 * SLICE_MS * PATIENCE || most > 40 * SLICE_MS * PATIENCE)
        fault(&runaway, "runaways", "the host was delayed");
    free(house.delays);
    close_house(&house);
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static struct script scripts[MOST];
    struct house house;
    unsigned number = from_environment("LULL_SEED", (unsigned)time(NULL));
    unsigned refusals = from_environment("LULL_REFUSALS", 2);
    srand(number);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("LULL_SEED=%u\n", number);
    signal(SIGALRM, on_fatal);
    if (PATIENCE == 1)
        signal(SIGSEGV, on_fatal);
    CHECK(lull_lend_signal(SIGRTMIN + 1) == 0);
    size_t count = read_scripts(scripts, LULL_CORPUS, argv + 1);
    /* Slowly it is enough to see every third end as it should; all end in what follows. */
    for (size_t i = 0; i < count; i++) {
        if (PATIENCE == 1 || argc > 1 || random_unit() < 0.34)
            check_alone(&scripts[i], argc > 1);
    }
    open_house(&house);
    for (size_t i = 0; i < count; i++) {
        check_freed(&scripts[i], &house, 0);
        check_freed(&scripts[i], &house, 0.05);
        for (unsigned n = 0; n < refusals; n++)
            check_refused(&scripts[i], &house);
    }
    close_house(&house);
    for (size_t i = 0; i < count; i += TOGETHER)
        check_together(&scripts[i], count - i < TOGETHER ? count - i : TOGETHER);
    check_runaways();
    for (size_t i = 0; i < count; i++)
        free(scripts[i].source);
    printf("%lu faults, %lu known\n", faults, forgiven);
    return faults == 0 ? 0 : 1;
}
