// WebSocket echo server on ws, the package of that name.
"use strict";

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1024 });
server.on("listening", () => console.log(`port=${server.address().port}`));
server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (message, binary) => socket.send(message, { binary }));
});
