// HTTPS server that says hello.
"use strict";

const fs = require("fs");
const https = require("https");

const dir = process.argv[2];
const tls = { cert: fs.readFileSync(`${dir}/cert.pem`), key: fs.readFileSync(`${dir}/key.pem`) };
const server = https.createServer(tls, (request, response) => response.end("hello"));
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  console.log(`port=${server.address().port}`);
});
