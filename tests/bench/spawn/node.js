// Promise.all of 100 async calls.  Node has no tasks: each call runs at once
// up to its first await, here to its end.
"use strict";

const ops = Number(process.argv[3]);
const WIDTH = 100;

async function child() {
  return 1;
}

async function measure(total) {
  const rounds = Math.floor(total / WIDTH);
  const start = process.cpuUsage();
  for (let i = 0; i < rounds; i++) {
    const list = [];
    for (let j = 0; j < WIDTH; j++) list.push(child());
    const results = await Promise.all(list);
    if (results.length !== WIDTH) throw new Error("results are missing");
  }
  const spent = process.cpuUsage(start);
  return ((spent.user + spent.system) * 1000) / (rounds * WIDTH);
}

measure(ops / 10)
  .then(() => measure(ops))
  .then((ns) => console.log(`ns=${ns.toFixed(2)}`));
