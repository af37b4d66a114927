// Every file of DIR/1 to DIR/COUNT read, 100 at once (all at once takes it longer): wall time of one.
"use strict";

const fs = require("fs/promises");
const [dir, count] = [process.argv[2], Number(process.argv[3])];
const paths = Array.from({ length: count }, (_, i) => `${dir}/${i + 1}`);

async function readAll() {
  let next = 0;
  async function read() {
    while (next < count) {
      const bytes = await fs.readFile(paths[next++]);
      if (bytes.length !== 4096) throw new Error(`${bytes.length} bytes`);
    }
  }
  await Promise.all(Array.from({ length: 100 }, read));
}

async function measure(times) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) await readAll();
  return Number(process.hrtime.bigint() - start) / times / count;
}

measure(1)
  .then(() => measure(3))
  .then((ns) => console.log(`ns=${ns.toFixed(2)}`));
