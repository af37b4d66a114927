// Fetches URL PAGES times over CONNECTIONS connections, dropping every body
// once it is whole: once to warm up and PASSES times that count.  fetch has no
// limit of its own, so there are as many loops as connections.
"use strict";

const url = process.argv[2];
const [pages, connections, passes] = process.argv.slice(3).map(Number);
let length;

async function get() {
  const response = await fetch(url);
  const body = await response.arrayBuffer();
  length ??= body.byteLength;
  if (!response.ok || body.byteLength !== length) throw new Error("not the page expected");
}

async function pass() {
  let left = pages;
  const loop = async () => {
    while (left-- > 0) await get();
  };
  await Promise.all(Array.from({ length: connections }, loop));
}

async function main() {
  await pass();
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  for (let i = 0; i < passes; i++) await pass();
  const spent = process.cpuUsage(cpu);
  const elapsed = Number(process.hrtime.bigint() - wall);
  const count = pages * passes;
  const ns = ((spent.user + spent.system) * 1000) / count;
  console.log(`ns=${ns.toFixed(1)} wall=${(elapsed / count).toFixed(1)}`);
  process.exit();
}

main();
