// /bin/true with its output taken, OPS times: wall time of one.
"use strict";

const { spawn } = require("child_process");
const ops = Number(process.argv[2]);

function run() {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/true", [], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.resume();
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`code ${code}`))));
  });
}

async function measure(total) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < total; i++) await run();
  return Number(process.hrtime.bigint() - start) / total;
}

measure(Math.floor(ops / 10) + 1)
  .then(() => measure(ops))
  .then((ns) => console.log(`ns=${ns.toFixed(2)}`));
