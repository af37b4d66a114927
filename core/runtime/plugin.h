/* SPDX-License-Identifier: MIT */
/*
 * plugin.h -- plugins: realms with an environment each.
 *
 * A plugin's environment is made as the runtime's own is: the stock libraries, opened
 * while the registry has other globals and loaded modules, then lull's.  Its tasks are
 * owned by the runtime's root like all that the host starts, and know their realm.
 *
 * To begin anew a plugin gets another realm.  The old one is retired: its tasks are
 * cancelled, and killed when they have not ended in time.
 */
#ifndef LULL_PLUGIN_H
#define LULL_PLUGIN_H

#include "task/task.h"

/*
 * For lull_call_with(): put a task that has not begun, started for the host, into
 * the plugin's realm.
 */
void lull__plugin_adopt(struct lull_plugin *plugin, struct lull_task *task);

/* Its name; never NULL. */
const char *lull__plugin_name(const struct lull_plugin *plugin);

/* The state is closed: free all plugins and realms of the runtime. */
void lull__plugins_deinit(struct lull_tasks *tasks);

/* Push the plugin's globals. */
void lull__plugin_push_globals(lua_State *L, const struct lull_plugin *plugin);

#endif
