// A rendezvous channel of promises, written out: node has none of its own.
"use strict";

const ops = Number(process.argv[2]);

class Channel {
  send(value) {
    const receiver = this.receiver;
    if (receiver) {
      this.receiver = undefined;
      receiver(value);
      return undefined;
    }
    this.value = value;
    return new Promise((resolve) => (this.sender = resolve));
  }

  receive() {
    const sender = this.sender;
    if (sender) {
      this.sender = undefined;
      sender();
      return this.value;
    }
    return new Promise((resolve) => (this.receiver = resolve));
  }
}

async function echo(there, back, trips) {
  for (let i = 0; i < trips; i++) await back.send(await there.receive());
}

async function measure(trips) {
  const there = new Channel();
  const back = new Channel();
  const start = process.cpuUsage();
  const echoed = echo(there, back, trips);
  for (let i = 0; i < trips; i++) {
    await there.send(i);
    if ((await back.receive()) !== i) throw new Error("wrong value");
  }
  await echoed;
  const spent = process.cpuUsage(start);
  return ((spent.user + spent.system) * 1000) / trips;
}

measure(Math.floor(ops / 10))
  .then(() => measure(ops))
  .then((ns) => console.log(`ns=${ns.toFixed(2)}`));
