/* SPDX-License-Identifier: MIT */
/*
 * field.c -- C structs described by tables of fields.
 */
#include "host/field.h"

#include "base/compat.h"

#include <limits.h>
#include <string.h>

/* ---- descriptions ------------------------------------------------------------ */

/* The size that a member of this type has; 0: any. */
static size_t size_of(enum lull_field_type type)
{
    switch (type) {
    case LULL_FIELD_INT:
        return sizeof(int);
    case LULL_FIELD_INT64:
        return sizeof(int64_t);
    case LULL_FIELD_SIZE:
        return sizeof(size_t);
    case LULL_FIELD_NUMBER:
        return sizeof(double);
    case LULL_FIELD_BOOL:
        return sizeof(bool);
    case LULL_FIELD_STRING:
        return sizeof(const char *);
    default:
        return 0;
    }
}

/* Raise when the row says something else than the struct: memory would be broken. */
static void check_row(lua_State *L, const struct lull_field *field)
{
    size_t size = size_of(field->type);
    bool known = field->type >= LULL_FIELD_INT && field->type <= LULL_FIELD_TEXT;
    if (!known || (size != 0 && size != field->size))
        luaL_error(L, "the field '%s' is not of the type that its row names",
                   field->name);
}

static bool has_range(const struct lull_field *field)
{
    return field->min != 0 || field->max != 0;
}

/* ---- C to Lua ------------------------------------------------------------------- */

void lull__field_push(lua_State *L, const struct lull_field *field, const void *source)
{
    const void *at = (const char *)source + field->offset;
    check_row(L, field);
    switch (field->type) {
    case LULL_FIELD_INT:
        lua_pushinteger(L, *(const int *)at);
        break;
    case LULL_FIELD_INT64:
        lua_pushinteger(L, *(const int64_t *)at);
        break;
    case LULL_FIELD_SIZE:
        lua_pushinteger(L, (lua_Integer) * (const size_t *)at);
        break;
    case LULL_FIELD_NUMBER:
        lua_pushnumber(L, *(const double *)at);
        break;
    case LULL_FIELD_BOOL:
        lua_pushboolean(L, *(const bool *)at);
        break;
    case LULL_FIELD_STRING:
        lua_pushstring(L, *(const char *const *)at);
        break;
    default:
        lua_pushlstring(L, at, strnlen(at, field->size));
        break;
    }
}

void lull_push_fields(lua_State *L, const struct lull_field *fields, const void *source)
{
    luaL_checkstack(L, 4, NULL);
    lua_newtable(L);
    for (const struct lull_field *field = fields; field->name != NULL; field++) {
        lull__field_push(L, field, source);
        lua_setfield(L, -2, field->name);
    }
}

/* ---- Lua to C ------------------------------------------------------------------- */

static const char *expected(lua_State *L, int index, const char *what)
{
    return lua_pushfstring(L, "%s expected, got %s", what, luaL_typename(L, index));
}

static const char *out_of_range(lua_State *L, const struct lull_field *field)
{
    return lua_pushfstring(L, "%f to %f expected", field->min, field->max);
}

/* Whole numbers of all sizes; `low` and `high` are what the member can hold. */
static const char *set_integer(lua_State *L, int index, const struct lull_field *field,
                               void *at)
{
    int exact = 0;
    lua_Integer value = lua_tointegerx(L, index, &exact);
    if (lua_type(L, index) != LUA_TNUMBER)
        return expected(L, index, "integer");
    if (!exact)
        return lua_pushliteral(L, "integer expected, got a number that is none");
    if (has_range(field) && ((double)value < field->min || (double)value > field->max))
        return lua_pushfstring(L, "%I to %I expected, got %I", (lua_Integer)field->min,
                               (lua_Integer)field->max, value);
    if ((field->type == LULL_FIELD_INT && (value < INT_MIN || value > INT_MAX)) ||
        (field->type == LULL_FIELD_SIZE && (value < 0 || (uint64_t)value > SIZE_MAX)))
        return lua_pushfstring(L, "%I is out of range", value);
    if (field->type == LULL_FIELD_INT)
        *(int *)at = (int)value;
    else if (field->type == LULL_FIELD_SIZE)
        *(size_t *)at = (size_t)value;
    else
        *(int64_t *)at = value;
    return NULL;
}

static const char *set_number(lua_State *L, int index, const struct lull_field *field,
                              void *at)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        return expected(L, index, "number");
    double value = lua_tonumber(L, index);
    if (has_range(field) && !(value >= field->min && value <= field->max))
        return out_of_range(L, field);
    *(double *)at = value;
    return NULL;
}

static const char *set_text(lua_State *L, int index, const struct lull_field *field,
                            void *at)
{
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING)
        return expected(L, index, "string");
    const char *text = lua_tolstring(L, index, &size);
    if (strlen(text) != size)
        return lua_pushliteral(L, "a string without zeros expected");
    if (field->type == LULL_FIELD_STRING) {
        *(const char **)at = text;
        return NULL;
    }
    if (size >= field->size)
        return lua_pushfstring(L, "at most %I bytes expected, got %I",
                               (lua_Integer)field->size - 1, (lua_Integer)size);
    memcpy(at, text, size + 1);
    return NULL;
}

const char *lull__field_set(lua_State *L, int index, const struct lull_field *field,
                            void *target)
{
    void *at = (char *)target + field->offset;
    check_row(L, field);
    switch (field->type) {
    case LULL_FIELD_NUMBER:
        return set_number(L, index, field, at);
    case LULL_FIELD_BOOL:
        if (!lua_isboolean(L, index))
            return expected(L, index, "boolean");
        *(bool *)at = lua_toboolean(L, index) != 0;
        return NULL;
    case LULL_FIELD_STRING:
    case LULL_FIELD_TEXT:
        return set_text(L, index, field, at);
    default:
        return set_integer(L, index, field, at);
    }
}

static const struct lull_field *find(const struct lull_field *fields, const char *name)
{
    while (fields->name != NULL && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name != NULL && !(fields->flags & LULL_READ_ONLY) ? fields : NULL;
}

/* Read those that are there, the whole table once: what is too much is found. */
static void read_table(lua_State *L, int index, const struct lull_field *fields,
                       void *target)
{
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_argerror(
                L, index,
                lua_pushfstring(L, "names of fields expected, got a key of type %s",
                                luaL_typename(L, -2)));
        const char *name = lua_tostring(L, -2);
        const struct lull_field *field = find(fields, name);
        const char *wrong = NULL;
        if (field == NULL)
            luaL_argerror(L, index, lua_pushfstring(L, "there is no field '%s'", name));
        else
            wrong = lull__field_set(L, lua_gettop(L), field, target);
        if (wrong != NULL)
            luaL_argerror(L, index, lua_pushfstring(L, "field '%s': %s", name, wrong));
        lua_pop(L, 1);
    }
}

void lull_read_fields(lua_State *L, int index, const struct lull_field *fields,
                      void *target)
{
    luaL_checkstack(L, 6, NULL);
    index = lua_absindex(L, index);
    bool is_missing = lua_isnoneornil(L, index);
    if (!is_missing)
        luaL_checktype(L, index, LUA_TTABLE);
    for (const struct lull_field *field = fields; field->name != NULL; field++) {
        if (!(field->flags & LULL_REQUIRED))
            continue;
        bool is_there = false;
        if (!is_missing) {
            lua_pushstring(L, field->name);
            is_there = lua_rawget(L, index) != LUA_TNIL;
            lua_pop(L, 1);
        }
        if (!is_there)
            luaL_argerror(L, index,
                          lua_pushfstring(L, "the field '%s' is missing", field->name));
    }
    if (!is_missing)
        read_table(L, index, fields, target);
}
