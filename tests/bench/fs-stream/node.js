// FROM copied to TO, 256 KiB at a time: wall time of all.
"use strict";

const fs = require("fs/promises");

async function main() {
  const start = process.hrtime.bigint();
  const from = await fs.open(process.argv[2]);
  const to = await fs.open(process.argv[3], "w");
  const chunk = Buffer.alloc(256 * 1024);
  for (;;) {
    const { bytesRead } = await from.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    await to.write(chunk, 0, bytesRead);
  }
  await from.close();
  await to.close();
  console.log(`ns=${process.hrtime.bigint() - start}`);
}

main();
