/* SPDX-License-Identifier: MIT */
/*
 * native.c -- finding and loading the shared object of a native, and finding the
 * reference.
 *
 * LULL_MODULE_DIRS, from the build, names the folders where it may lie, seen
 * from the folder of what this code is in: an installed tree may be moved.  A host may
 * have one more place to look from, "folder:lull" (lull_options.find): a bundle knows
 * where the lull was that made it.
 */
#include "runtime/native.h"

#include "lull_ext.h"
#include "runtime/offer.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <link.h>
#endif

/* An address in what this code is in. */
static const char here = 0;

/* The file that this code was loaded from.  False: it cannot be told. */
static bool find_self(char path[PATH_MAX])
{
    Dl_info info;
    if (dladdr(&here, &info) == 0)
        return false;
#ifdef __linux__
    /* Of the program itself only the name it was called by is known. */
    struct link_map *map = NULL;
    dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP);
    if (map != NULL && map->l_name[0] == '\0') {
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
        if (length > 0)
            path[length] = '\0';
        return length > 0;
    }
#endif
    char *resolved = realpath(info.dli_fname, NULL);
    bool fits = resolved != NULL && strlen(resolved) < PATH_MAX;
    if (fits)
        memcpy(path, resolved, strlen(resolved) + 1);
    free(resolved);
    return fits;
}

/*
 * A library that was opened for one module only (lull.so under lua5.4, liblull
 * in a plugin) hides its names; the natives need them.
 */
static void show_own_names(void)
{
    Dl_info info;
    if (dladdr(&here, &info) != 0)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

/*
 * Would a native find the functions of this copy of lull?  If not it must not be
 * loaded: one that is missed when it is called ends the process.
 */
static bool shows_own_names(void)
{
    void (*own)(struct lull_op *) = lull_op_complete;
    void *found = dlsym(RTLD_DEFAULT, "lull_op_complete");
    return memcmp(&found, &own, sizeof found) == 0;
}

/*
 * Push the path of the file, as seen from `folder`; or NULL, and nothing is
 * pushed: then `tried` has one more line for each place.
 */
static const char *look_from(lua_State *L, const char *folder, const char *file,
                             const char *extension, luaL_Buffer *tried)
{
    for (const char *dir = LULL_MODULE_DIRS; dir != NULL;) {
        const char *end = strchr(dir, ':');
        int length = (int)(end != NULL ? (size_t)(end - dir) : strlen(dir));
        lua_pushlstring(L, dir, (size_t)length);
        const char *path = lua_pushfstring(L, "%s/%s/%s%s", folder, lua_tostring(L, -1),
                                           file, extension);
        if (access(path, R_OK) == 0)
            return path;
        lua_pushfstring(L, "\n\tno file '%s'", path);
        lua_replace(L, -3);
        lua_pop(L, 1);
        luaL_addvalue(tried);
        dir = end != NULL ? end + 1 : NULL;
    }
    return NULL;
}

/* Push the path of a file of the module `name`, or raise where it was looked for. */
static const char *push_path(lua_State *L, const char *name, const char *extension,
                             const char *package)
{
    char self[PATH_MAX];
    struct lull_found folder;
    luaL_Buffer tried;
    if (!find_self(self))
        luaL_error(L, "%s: the folder of lull is not known", name);
    *strrchr(self, '/') = '\0';
    const char *file = luaL_gsub(L, name, ".", "/");
    luaL_buffinit(L, &tried);
    const char *path = look_from(L, self, file, extension, &tried);
    if (path == NULL && lull__offer_find(L, lull__tasks(L), "folder:lull", &folder))
        path = look_from(L, folder.bytes, file, extension, &tried);
    if (path != NULL)
        return path;
    luaL_pushresult(&tried);
    luaL_error(L, "%s is not installed (Debian: %s):%s", name, package,
               lua_tostring(L, -1));
    return NULL;
}

void lull__push_shared_native(lua_State *L, const char *name, const char *function,
                              const char *package)
{
    const char *path = push_path(L, name, ".so", package);
    show_own_names();
    if (!shows_own_names())
        luaL_error(L,
                   "%s is a shared object and cannot find lull's functions in this "
                   "program: link it with -rdynamic, or to the shared library",
                   name);
    /* Never closed: the threads and exit handlers of libraries outlive a state. */
    void *object = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (object == NULL)
        luaL_error(L, "%s: %s", name, dlerror());
    lua_CFunction open = NULL;
    *(void **)&open = dlsym(object, function);
    if (open == NULL)
        luaL_error(L, "%s: no function %s in %s", name, function, path);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, open, 1);
}

int lull__open_reference(lua_State *L)
{
    push_path(L, "lull.reference", ".txt", "lull");
    return 1;
}
