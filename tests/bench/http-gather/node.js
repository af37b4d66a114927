// COUNT pages at once, and the end.
"use strict";

const [url, count] = process.argv.slice(2);

async function get(i) {
  const response = await fetch(`${url}?n=${i}`);
  const body = await response.arrayBuffer();
  if (!response.ok || body.byteLength !== 30720) throw new Error("not the page expected");
}

Promise.all(Array.from({ length: Number(count) }, (_, i) => get(i))).then(() => process.exit());
