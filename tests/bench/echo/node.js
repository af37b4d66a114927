// Echo server on node's streams.
"use strict";

const net = require("net");

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  console.log(`port=${server.address().port}`);
});
