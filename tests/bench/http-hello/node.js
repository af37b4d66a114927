// HTTP server that says hello.
"use strict";

const http = require("http");

const server = http.createServer((request, response) => response.end("hello"));
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  console.log(`port=${server.address().port}`);
});
