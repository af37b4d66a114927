// await null: the next task in the microtask queue runs.  Cheaper than a turn
// of node's loop, which it does not take.
"use strict";

const [tasks, ops] = process.argv.slice(2).map(Number);

async function task(turns) {
  for (let i = 0; i < turns; i++) await null;
}

async function measure(total) {
  const turns = Math.floor(total / tasks);
  const start = process.cpuUsage();
  await Promise.all(Array.from({ length: tasks }, () => task(turns)));
  const spent = process.cpuUsage(start);
  return ((spent.user + spent.system) * 1000) / (turns * tasks);
}

measure(ops / 10)
  .then(() => measure(ops))
  .then((ns) => console.log(`ns=${ns.toFixed(2)}`));
