// FROM copied to TO as a whole: wall time.
"use strict";

const start = process.hrtime.bigint();
require("fs/promises")
  .copyFile(process.argv[2], process.argv[3])
  .then(() => console.log(`ns=${process.hrtime.bigint() - start}`));
