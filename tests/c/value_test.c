/* SPDX-License-Identifier: MIT */
/*
 * value_test.c -- values by formats, and structs by fields: out, in, and wrong.
 */
#include "host.h"

#include <limits.h>
#include <math.h>

/* ---- pushing ---------------------------------------------------------------------- */

static const int ints[] = {1, -2, 3};
static const long long bigs[] = {1LL << 40, 2};
static const double numbers[] = {0.5, 1e300};
static const bool flags[] = {true, false};
static const char *const texts[] = {"a", NULL, "c"};

/* values(which) -> what the format says */
static int l_values(lua_State *L)
{
    switch (luaL_checkinteger(L, 1)) {
    case 1:
        return lull_push_values(L, "isb", 42, "text", true);
    case 2:
        return lull_push_values(L, "I n S -", 1LL << 62, 0.25, "a\0b", (size_t)3);
    case 3:
        return lull_push_values(L, "{s:i, i:[n,n], S:{}}", "port", 80, 7, 1.5, 2.5,
                                "a\0b", (size_t)3);
    case 4:
        return lull_push_values(L, "*i*I*n*b*s", ints, (size_t)3, bigs, (size_t)2,
                                numbers, (size_t)2, flags, (size_t)2, texts, (size_t)3);
    case 5:
        return lull_push_values(L, "ss", NULL, "after") +
               lull_push_values(L, "pp", NULL, (void *)L);
    case 6:
        return lull_push_values(L, "{s:v}v", "self", -1, 1);
    case 7:
        return lull_push_values(L, "");
    case 8:
        return lull_push_values(L, "[[[[[[[[[[[[[[[[i]]]]]]]]]]]]]]]]", 1);
    case 9:
        return lull_push_values(L, "*i*s", NULL, (size_t)0, NULL, (size_t)0);
    default:
        return lull_push_values(L, "{s:i}", NULL, 1);
    }
}

static const char pushing[] =
    "local a, b, c = values(1) assert(a == 42 and b == 'text' and c == true)\n"
    "local big, n, s, none = values(2)\n"
    "assert(big == 1 << 62 and n == 0.25 and s == 'a\\0b' and none == nil)\n"
    "assert(select('#', values(2)) == 4)\n"
    "local t = values(3)\n"
    "assert(t.port == 80 and #t[7] == 2 and t[7][2] == 2.5 and next(t['a\\0b']) == nil)\n"
    "local i, I, f, y, x = values(4)\n"
    "assert(#i == 3 and i[2] == -2 and I[1] == 1 << 40 and f[2] == 1e300)\n"
    "assert(y[1] == true and y[2] == false and x[1] == 'a' and x[2] == nil and x[3] == 'c')\n"
    "assert(math.type(i[1]) == 'integer' and math.type(f[1]) == 'float')\n"
    "a, b, c, n = values(5)\n"
    "assert(a == nil and b == 'after' and c == nil and type(n) == 'userdata')\n"
    "t, a = values(6) assert(t.self == 6 and a == 6)\n"
    "assert(select('#', values(7)) == 0)\n"
    "t = values(8) for _ = 1, 16 do t = t[1] end assert(t == 1)\n"
    "i, x = values(9) assert(#i == 0 and #x == 0)\n"
    "local ok, e = pcall(values, 10) assert(not ok and e:find 'NULL')\n";

/* wrong(format)    Raises, before it looks at the arguments. */
static int l_wrong(lua_State *L)
{
    return lull_push_values(L, luaL_checkstring(L, 1));
}

static const char wrong_formats[] =
    "for _, f in ipairs{'x', 'i?', '[i', 'i]', '{s}', '{si', '{n:i}', '{s:}', '*v', '*',\n"
    "                   '{[i]:i}', '{*i:i}', ('['):rep(17) .. (']'):rep(17), '|', '%'} do\n"
    "  local ok, e = pcall(wrong, f)\n"
    "  assert(not ok and e:find('wrong format', 1, true), f)\n"
    "end\n";

/* ---- reading ---------------------------------------------------------------------------- */

/* read(format, ...) -> what was read; raises argument errors */
static int l_check(lua_State *L)
{
    const char *format = luaL_checkstring(L, 1);
    int i = -1;
    long long big = -1;
    double n = -1;
    bool b = false;
    const char *s = "none";
    const char *bytes = "none";
    size_t size = 4;
    void *p = NULL;
    if (strcmp(format, "all") == 0) {
        lull_check_values(L, 2, "iInb sS-p", &i, &big, &n, &b, &s, &bytes, &size, &p);
        lua_pushlstring(L, bytes, size);
        return 1 + lull_push_values(L, "iInbsp", i, big, n, b, s, p);
    }
    if (strcmp(format, "optional") == 0) {
        lull_check_values(L, 2, "s|iS*i-b", &s, &i, &bytes, &size, &i, &size, &b);
        return lull_push_values(L, "siSb", s, i, bytes, size, b);
    }
    if (strcmp(format, "i") == 0)
        lull_check_values(L, 2, "i", &i);
    else if (strcmp(format, "s") == 0)
        lull_check_values(L, 2, "s", &s);
    else
        lull_check_values(L, 2, format);
    return lull_push_values(L, "is", i, s);
}

/* lists(ints, bigs, numbers, bools, strings) -> their lengths and last values */
static int l_lists(lua_State *L)
{
    int i[3];
    long long I[3];
    double n[3];
    bool b[3];
    const char *s[3];
    size_t counts[5] = {3, 3, 3, 3, 3};
    lull_check_values(L, 1, "*i*I*n*b*s", i, &counts[0], I, &counts[1], n, &counts[2], b,
                      &counts[3], s, &counts[4]);
    return lull_push_values(L, "[iiiii]iInbs", (int)counts[0], (int)counts[1],
                            (int)counts[2], (int)counts[3], (int)counts[4],
                            i[counts[0] - 1], I[counts[1] - 1], n[counts[2] - 1],
                            b[counts[3] - 1], s[counts[4] - 1]);
}

static const char reading[] =
    "local function fails(text, ...)\n"
    "  local ok, e = pcall(...)\n"
    "  assert(not ok and e:find(text, 1, true), e)\n"
    "end\n"
    "local p = select(4, values(5))\n"
    "local bytes, i, I, n, b, s, q = read('all', 1, 2.0, 3, true, 'x', 'a\\0b', {}, p)\n"
    "assert(bytes == 'a\\0b' and i == 1 and I == 2 and n == 3 and b and s == 'x' and q == p)\n"
    "s, i, bytes, b = read('optional', 'x') assert(s == 'x' and i == -1 and bytes == 'none')\n"
    "s, i, bytes, b = read('optional', 'x', nil, 'y', nil, {}, true)\n"
    "assert(i == -1 and bytes == 'y' and b == true)\n"
    "fails('#2 to \\'read\\' (integer expected, got string)', function() read('i', '1') end)\n"
    "fails('integer expected, got no value', function() read('i') end)\n"
    "fails('a number that is none', function() read('i', 1.5) end)\n"
    "fails('out of range', function() read('i', 1 << 40) end)\n"
    "fails('string expected, got number', function() read('s', 1) end)\n"
    "fails('a zero in it', function() read('s', 'a\\0b') end)\n"
    "for _, f in ipairs{'x', '{', '*', '*p', 'v'} do fails('wrong format', read, f, 1) end\n"
    "local counts, i, I, n, b, s = lists({1, 2, 3}, {1 << 40}, {1, 0.5}, {false}, {'a', 'b'})\n"
    "assert(counts[1] == 3 and counts[5] == 2)\n"
    "assert(i == 3 and I == 1 << 40 and n == 0.5 and b == false and s == 'b')\n"
    "fails('#1 to \\'lists\\' (list expected, got too many values)', function() lists{1, 2, 3, 4} end)\n"
    "fails('item 2: integer expected, got string', function() lists{1, 'x'} end)\n"
    "fails('list expected, got number', function() lists(1) end)\n";

/* ---- fields -------------------------------------------------------------------------------- */

struct options {
    int port;
    int64_t big;
    size_t room;
    double ratio;
    bool on;
    const char *host;
    char name[8];
    int hits;
};

static const struct lull_field fields[] = {
    LULL_FIELD_RANGE(struct options, port, LULL_FIELD_INT, LULL_REQUIRED, 1, 65535),
    LULL_FIELD(struct options, big, LULL_FIELD_INT64),
    LULL_FIELD(struct options, room, LULL_FIELD_SIZE),
    LULL_FIELD_RANGE(struct options, ratio, LULL_FIELD_NUMBER, 0, 0, 1),
    LULL_FIELD(struct options, on, LULL_FIELD_BOOL),
    LULL_FIELD(struct options, host, LULL_FIELD_STRING),
    LULL_FIELD(struct options, name, LULL_FIELD_TEXT),
    LULL_FIELD_WITH(struct options, hits, LULL_FIELD_INT, LULL_READ_ONLY),
    {0}};

/* options(table) -> the same as the struct has it */
static int l_options(lua_State *L)
{
    struct options options = {.port = 80, .ratio = 0.5, .name = "default", .hits = 9};
    lull_read_fields(L, 1, fields, &options);
    lull_push_fields(L, fields, &options);
    return 1;
}

/* optional(table)    None is required. */
static int l_optional(lua_State *L)
{
    static const struct lull_field few[] = {
        LULL_FIELD(struct options, port, LULL_FIELD_INT), {0}};
    struct options options = {.port = 80};
    lull_read_fields(L, 1, few, &options);
    lua_pushinteger(L, options.port);
    return 1;
}

/* mistaken()    A row that does not fit its struct. */
static int l_mistaken(lua_State *L)
{
    static const struct lull_field rows[] = {
        LULL_FIELD(struct options, on, LULL_FIELD_NUMBER), {0}};
    struct options options = {.port = 80};
    lull_push_fields(L, rows, &options);
    return 1;
}

static const char tables[] =
    "local function fails(text, ...)\n"
    "  local ok, e = pcall(...)\n"
    "  assert(not ok and e:find(text, 1, true), e)\n"
    "end\n"
    "local o = options{port = 8080, big = 1 << 60, room = 5, ratio = 1, on = true,\n"
    "                  host = 'here', name = 'seven77'}\n"
    "assert(o.port == 8080 and o.big == 1 << 60 and o.room == 5 and o.ratio == 1.0)\n"
    "assert(o.on == true and o.host == 'here' and o.name == 'seven77' and o.hits == 9)\n"
    "o = options{port = 1}\n"
    "assert(o.ratio == 0.5 and o.name == 'default' and o.host == nil and o.on == false)\n"
    "assert(optional() == 80 and optional(nil) == 80 and optional{} == 80)\n"
    "assert(optional{port = -1} == -1)\n"
    "fails('the field \\'port\\' is missing', options)\n"
    "fails('the field \\'port\\' is missing', options, {})\n"
    "fails('table expected, got number', options, 1)\n"
    "local function refuses(text, key, value)\n"
    "  local t = {port = 1} t[key] = value fails(text, function() options(t) end)\n"
    "end\n"
    "refuses('#1 to \\'options\\' (there is no field \\'prot\\'', 'prot', 1)\n"
    "refuses('a key of type number', 1, 1)\n"
    "refuses('there is no field \\'hits\\'', 'hits', 1)\n"
    "refuses('field \\'port\\': integer expected, got string', 'port', '1')\n"
    "refuses('field \\'port\\': 1 to 65535 expected, got 70000', 'port', 70000)\n"
    "refuses('a number that is none', 'big', 0.5)\n"
    "refuses('-1 is out of range', 'room', -1)\n"
    "refuses('field \\'ratio\\': number expected, got boolean', 'ratio', true)\n"
    "refuses('field \\'ratio\\': 0.0 to 1.0 expected', 'ratio', 0/0)\n"
    "refuses('field \\'on\\': boolean expected, got number', 'on', 1)\n"
    "refuses('field \\'host\\': string expected, got table', 'host', {})\n"
    "refuses('without zeros', 'host', 'a\\0b')\n"
    "refuses('field \\'name\\': at most 7 bytes expected, got 8', 'name', '12345678')\n"
    "fails('\\'on\\' is not of the type', mistaken)\n"
    "fails('out of range', optional, {port = 1 << 31})\n";

static const luaL_Reg functions[] = {{"values", l_values},     {"wrong", l_wrong},
                                     {"read", l_check},        {"lists", l_lists},
                                     {"options", l_options},   {"optional", l_optional},
                                     {"mistaken", l_mistaken}, {NULL, NULL}};

/* ---- hosts -------------------------------------------------------------------------------------- */

struct answer {
    int times;
    int number;
    char text[16];
    bool wrong;
};

static void on_answer(struct lull_runtime *rt, const struct lull_outcome *outcome,
                      void *arg)
{
    struct answer *answer = arg;
    const char *text = "";
    (void)rt;
    answer->times++;
    CHECK(outcome->status == LULL_DONE);
    int first = -outcome->results;
    CHECK(lull_read(outcome->L, first, "is", &answer->number, &text));
    snprintf(answer->text, sizeof answer->text, "%s", text);
    answer->wrong = lull_read(outcome->L, first, "ii", &answer->number, &first) ||
                    lull_read(outcome->L, first, "?");
}

/* Arguments in, results out, without a word about the stack. */
static void check_call(void)
{
    static const char script[] = "local a, t, s = ... return a + t.n, s .. t[1]";
    struct host host = {.rt = NULL};
    struct answer answer = {0};
    CHECK(open_host(&host, functions));
    lua_State *L = lull_state(host.rt);
    CHECK(lull_load(host.rt, script, strlen(script), "=script") == LULL_DONE);
    CHECK(lull_call_values(host.rt, on_answer, &answer, "i{s:i,i:s}s", 40, "n", 2, 1,
                           "end", "the ") != NULL);
    CHECK(lull_run(host.rt) == LULL_DONE);
    CHECK(answer.times == 1 && answer.number == 42 && !answer.wrong);
    CHECK(strcmp(answer.text, "the end") == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(lull_load(host.rt, script, strlen(script), "=script") == LULL_DONE);
        CHECK(lull_call_values(host.rt, NULL, NULL, i ? "v" : "?", 1) == NULL);
        CHECK(lua_gettop(L) == 0);
    }
    close_host(&host, 0);
}

static void nothing(void)
{
}

/* lull_call_values() with each allocation refused: a task or none, and no panic. */
static void check_call_refused(void)
{
    static char big[4000];
    memset(big, 'x', sizeof big);
    bool refused = true;
    for (unsigned long n = 1; refused; n++) {
        struct host host = {.counted = {.used = 0}};
        CHECK(open_host(&host, functions));
        CHECK(lull_load(host.rt, "return ...", 10, "=script") == LULL_DONE);
        host.counted.fail_at = host.counted.calls + n;
        lull_call_values(host.rt, tell, &host.told, "S[S]", big, sizeof big, big,
                         sizeof big - 1);
        refused = host.counted.calls >= host.counted.fail_at;
        CHECK(lua_gettop(lull_state(host.rt)) == 0);
        close_host(&host, 0);
    }
}

int main(void)
{
    run_script(functions, pushing);
    run_script(functions, wrong_formats);
    run_script(functions, reading);
    run_script(functions, tables);
    check_call();
    check_call_refused();
    refuse_each(functions, pushing, nothing);
    refuse_each(functions, tables, nothing);
    return 0;
}
