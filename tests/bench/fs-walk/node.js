// All that is below DIR, with its sizes: wall time.  It must be COUNT files.
"use strict";

const fs = require("fs/promises");

async function walk(dir) {
  let files = 0;
  for (const entry of await fs.readdir(dir, { withFileTypes: true })) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) files += await walk(path);
    else if ((await fs.lstat(path)).size === 0) files += 1;
  }
  return files;
}

async function measure() {
  const start = process.hrtime.bigint();
  if ((await walk(process.argv[2])) !== Number(process.argv[3])) throw new Error("missing files");
  return process.hrtime.bigint() - start;
}

measure()
  .then(measure)
  .then((ns) => console.log(`ns=${ns}`));
