// HTTP server of the files of a folder; node brings none, this is the least.
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");

const root = path.join(process.argv[2], "www");

const server = http.createServer((request, response) => {
  const name = path.join(root, path.normalize(decodeURIComponent(request.url)));
  fs.stat(name, (failure, stat) => {
    if (failure || !stat.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "Content-Length": stat.size,
      "Last-Modified": stat.mtime.toUTCString(),
    });
    fs.createReadStream(name).pipe(response);
  });
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  console.log(`port=${server.address().port}`);
});
