/* SPDX-License-Identifier: MIT */
/*
 * object.c -- C structs as objects of scripts.
 *
 * An object is a userdata that points at the struct; NULL once it was closed or
 * invalidated.  If it owns the struct it is an open handle, so that the runtime's
 * end finds it.
 *
 * The registry has one table of classes, by the address of their type.  A class is
 * a metatable; at [1] it has its objects by their pointers, weakly: the same
 * pointer gives the same object, and who invalidates a pointer finds them all.
 */
#include "host/object.h"

#include "base/compat.h"
#include "base/list.h"
#include "host/field.h"
#include "sched/handle.h"
#include "task/class.h"

static const char classes_key = 'o'; /* registry: the table of classes */
static const char keeper_key = 'k';  /* registry: the keeper */

struct object {
    struct lull_handle handle; /* open: the object owns the pointer */
    const struct lull_object_type *type;
    void *pointer; /* NULL: closed */
};

/* ---- closing: no lua_State here --------------------------------------------------- */

static void on_close(struct lull_handle *handle)
{
    struct object *object = LULL_CONTAINER(handle, struct object, handle);
    void *pointer = object->pointer;
    object->pointer = NULL;
    if (pointer != NULL)
        object->type->release(pointer);
}

static const struct lull_handle_type handle_type = {.name = "object", .close = on_close};

static void close_object(struct object *object)
{
    if (lull_handle_is_open(&object->handle))
        lull_handle_close(&object->handle);
    object->pointer = NULL;
}

/* ---- checking ------------------------------------------------------------------------- */

/* The object at `index`, closed or not; NULL: none of this type.  Raises nothing. */
static struct object *find_object(lua_State *L, int index,
                                  const struct lull_object_type *type)
{
    struct object *object = lua_touserdata(L, index);
    if (object == NULL || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key);
    if (lua_istable(L, -1))
        lua_rawgetp(L, -1, type);
    else
        lua_pushnil(L);
    if (!lua_rawequal(L, -1, -3))
        object = NULL;
    lua_pop(L, 3);
    return object;
}

static struct object *check_any(lua_State *L, int index,
                                const struct lull_object_type *type)
{
    luaL_checkstack(L, 4, NULL);
    struct object *object = find_object(L, index, type);
    if (object == NULL)
        luaL_typeerror(L, index, type->name);
    return object;
}

void *lull_check_object(lua_State *L, int index, const struct lull_object_type *type)
{
    struct object *object = check_any(L, index, type);
    if (object->pointer == NULL)
        lull_raise(L, LULL_KIND_CLOSED, "this %s is closed", type->name);
    return object->pointer;
}

void *lull_to_object(lua_State *L, int index, const struct lull_object_type *type)
{
    struct object *object = lua_checkstack(L, 4) ? find_object(L, index, type) : NULL;
    return object != NULL ? object->pointer : NULL;
}

/* ---- what every class has: upvalues are the runtime and the type ------------------------ */

static const struct lull_object_type *type_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(2));
}

/* close(), __close, __gc */
static int m_close(lua_State *L)
{
    close_object(check_any(L, 1, type_of(L)));
    return 0;
}

static int m_tostring(lua_State *L)
{
    const struct object *object = check_any(L, 1, type_of(L));
    if (object->pointer != NULL)
        lua_pushfstring(L, "%s: %p", object->type->name, lua_topointer(L, 1));
    else
        lua_pushfstring(L, "%s (closed)", object->type->name);
    return 1;
}

/* The row of the field that is named at index 2, from upvalue 3; NULL: no such field. */
static const struct lull_field *find_field(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(3));
    const struct lull_field *field = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return field;
}

/* __index(self, name); upvalue 4 has the methods. */
static int m_index(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(4)) != LUA_TNIL)
        return 1;
    const struct lull_field *field = find_field(L);
    const void *source = lull_check_object(L, 1, type_of(L));
    if (field != NULL)
        lull__field_push(L, field, source);
    else
        lua_pushnil(L);
    return 1;
}

/* __newindex(self, name, value) */
static int m_newindex(lua_State *L)
{
    lua_settop(L, 3);
    const struct lull_object_type *type = type_of(L);
    const struct lull_field *field = find_field(L);
    const char *name =
        luaL_tolstring(L, 2, NULL); /* a script's __tostring may close it */
    void *target = lull_check_object(L, 1, type);
    if (field == NULL)
        return luaL_error(L, "a %s has no field '%s'", type->name, name);
    /* A string of the script would have to be kept somewhere. */
    if (field->flags & LULL_READ_ONLY || field->type == LULL_FIELD_STRING)
        return luaL_error(L, "the field '%s' of a %s is read-only", name, type->name);
    const char *wrong = lull__field_set(L, 3, field, target);
    if (wrong != NULL)
        return luaL_error(L, "field '%s' of a %s: %s", name, type->name, wrong);
    return 0;
}

/* ---- classes ---------------------------------------------------------------------------- */

/* Set the C function as a field of the table at `table`, with `extra` values on top as
   upvalues after the runtime and the type; pops them. */
static void set_function(lua_State *L, struct lull_runtime *rt,
                         const struct lull_object_type *type, int table, const char *name,
                         lua_CFunction fn)
{
    lua_pushlightuserdata(L, rt);
    lua_pushlightuserdata(L, (void *)type);
    lua_pushcclosure(L, fn, 2);
    lua_setfield(L, table, name);
}

/* Set an accessor of fields: its upvalues are rt, type, rows, methods. */
static void set_accessor(lua_State *L, struct lull_runtime *rt,
                         const struct lull_object_type *type, int metatable,
                         const char *name, lua_CFunction fn)
{
    lua_pushlightuserdata(L, rt);
    lua_pushlightuserdata(L, (void *)type);
    lua_pushvalue(L, metatable + 2);
    lua_pushvalue(L, metatable + 1);
    lua_pushcclosure(L, fn, 4);
    lua_setfield(L, metatable, name);
}

/* Push the rows of the fields by their names. */
static void push_rows(lua_State *L, const struct lull_field *fields)
{
    lua_newtable(L);
    for (const struct lull_field *field = fields; fields != NULL && field->name != NULL;
         field++) {
        lua_pushlightuserdata(L, (void *)field);
        lua_setfield(L, -2, field->name);
    }
}

/* Push the metatable of a new class. */
static void make_class(lua_State *L, struct lull_runtime *rt,
                       const struct lull_object_type *type)
{
    lua_newtable(L);
    int metatable = lua_gettop(L);
    lua_newtable(L); /* + 1: methods */
    int methods = metatable + 1;
    if (type->methods != NULL)
        lull_set_functions(L, rt, type->methods);
    if (type->release != NULL)
        set_function(L, rt, type, methods, "close", m_close);
    push_rows(L, type->fields); /* + 2 */
    if (type->fields != NULL) {
        set_accessor(L, rt, type, metatable, "__index", m_index);
    } else {
        lua_pushvalue(L, methods);
        lua_setfield(L, metatable, "__index");
    }
    set_accessor(L, rt, type, metatable, "__newindex", m_newindex);
    set_function(L, rt, type, metatable, "__tostring", m_tostring);
    set_function(L, rt, type, metatable, "__gc", m_close);
    if (type->release != NULL)
        set_function(L, rt, type, metatable, "__close", m_close);
    lull__push_weak(L, "v");
    lua_rawseti(L, metatable, 1);
    lua_pushstring(L, type->name);
    lua_pushvalue(L, -1);
    lua_setfield(L, metatable, "__name");
    lua_setfield(L, metatable, "__metatable");
    lua_settop(L, metatable);
}

/* Push the table of classes. */
static void push_classes(lua_State *L, struct lull_runtime *rt)
{
    struct lull_objects *objects = lull__objects_of(rt);
    if (objects->keeper == NULL) {
        lua_newtable(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &classes_key);
        lua_State *keeper = lua_newthread(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &keeper_key);
        objects->keeper = keeper;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key);
}

/* Push the metatable of the class. */
static void push_class(lua_State *L, struct lull_runtime *rt,
                       const struct lull_object_type *type)
{
    push_classes(L, rt);
    if (lua_rawgetp(L, -1, type) == LUA_TNIL) {
        lua_pop(L, 1);
        make_class(L, rt, type);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, type);
    }
    lua_remove(L, -2);
}

/* ---- objects ------------------------------------------------------------------------------ */

void lull_push_object(lua_State *L, struct lull_runtime *rt,
                      const struct lull_object_type *type, void *pointer)
{
    luaL_checkstack(L, 12, NULL);
    if (pointer == NULL) {
        lua_pushnil(L);
        return;
    }
    push_class(L, rt, type);
    lua_rawgeti(L, -1, 1);
    lua_rawgetp(L, -1, pointer);
    struct object *object = lua_touserdata(L, -1);
    if (object == NULL || object->pointer == NULL) {
        lua_pop(L, 1);
        object = lua_newuserdatauv(L, sizeof *object, 0);
        *object = (struct object){.type = type};
        lua_pushvalue(L, -3);
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, pointer);
        object->pointer = pointer;
    }
    lua_replace(L, -3); /* class, objects, this */
    lua_pop(L, 1);
}

struct owning {
    struct lull_runtime *rt;
    const struct lull_object_type *type;
    void *pointer;
    bool keeps; /* it is another's already */
};

/* (owning) -> object */
static int own(lua_State *L)
{
    struct owning *owning = lua_touserdata(L, 1);
    const char *name = owning->type->name;
    if (owning->type->release == NULL)
        return luaL_error(L, "objects of type %s cannot be owned: no release", name);
    lull_push_object(L, owning->rt, owning->type, owning->pointer);
    struct object *object = lua_touserdata(L, -1);
    if (object == NULL)
        return 1;
    owning->keeps = lull_handle_is_open(&object->handle);
    if (owning->keeps)
        return lull_raise(L, LULL_KIND_USAGE, "this %s is owned already", name);
    if (!lull_may_open_handle(owning->rt))
        return lull_raise(L, LULL_KIND_LIMIT, "too many open handles for a %s", name);
    lull_handle_open(owning->rt, &object->handle, &handle_type);
    return 1;
}

void lull_push_owned_object(lua_State *L, struct lull_runtime *rt,
                            const struct lull_object_type *type, void *pointer)
{
    struct owning owning = {.rt = rt, .type = type, .pointer = pointer};
    bool room = lua_checkstack(L, 4);
    if (room) {
        lua_pushcfunction(L, own);
        lua_pushlightuserdata(L, &owning);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK)
            return;
    }
    if (!owning.keeps && pointer != NULL) {
        lull_object_invalidate(rt, pointer);
        if (type->release != NULL)
            type->release(pointer);
    }
    if (!room)
        luaL_error(L, "stack overflow");
    lua_error(L);
}

void lull_object_invalidate(struct lull_runtime *rt, const void *pointer)
{
    lua_State *L = lull__objects_of(rt)->keeper;
    if (L == NULL)
        return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key);
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_rawgeti(L, -1, 1);
        lua_rawgetp(L, -1, pointer);
        struct object *object = lua_touserdata(L, -1);
        if (object != NULL && object->pointer == pointer) {
            object->pointer = NULL; /* so that closing releases nothing */
            close_object(object);
        }
        lua_pop(L, 3);
    }
    lua_settop(L, 0);
}
