// N async functions that all sleep at the same time for SECONDS.
"use strict";

const fs = require("fs");
const { setTimeout: sleep } = require("timers/promises");

const [n, seconds] = process.argv.slice(2).map(Number);

function peakKib() {
  return Number(/^VmHWM:\s*(\d+)/m.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]);
}

async function measure(count, delay) {
  const began = performance.now();
  let started = 0;
  let startTime = 0;
  let early = false;

  async function sleeper() {
    started++;
    if (started === count) startTime = (performance.now() - began) / 1000;
    await sleep(delay * 1000);
    early = early || started < count;
  }

  await Promise.all(Array.from({ length: count }, sleeper));
  return [startTime, early];
}

async function main() {
  await measure(1000, 0.01);
  const kib = peakKib();
  const cpu = process.cpuUsage();
  const [startTime, early] = await measure(n, seconds);
  const { user, system } = process.cpuUsage(cpu);
  const ns = (((user + system) * 1000) / n).toFixed(1);
  const rss = (((peakKib() - kib) * 1024) / n).toFixed(1);
  console.log(`ns=${ns} rss=${rss} start=${startTime.toFixed(3)} early=${early ? 1 : 0}`);
}

main();
