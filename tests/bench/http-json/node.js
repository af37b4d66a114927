// JSON that comes back: 25 kinds of things, two routes each.  Node brings no
// router; this is the least that finds the 50 routes.
"use strict";

const http = require("http");

function reply(response, status, thing) {
  const body = Buffer.from(JSON.stringify(thing));
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
  });
  response.end(body);
}

function list(request, response) {
  reply(response, 200, []);
}

function echo(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    let thing;
    try {
      thing = JSON.parse(Buffer.concat(chunks).toString());
    } catch (failure) {
      reply(response, 400, { error: failure.message });
      return;
    }
    reply(response, 200, thing);
  });
}

const routes = new Map();
for (let kind = 0; kind < 25; kind++) {
  routes.set(`GET /things${kind}`, list);
  routes.set(`POST /things${kind}/:id`, echo);
}

const server = http.createServer((request, response) => {
  const [, kind, id] = request.url.split("?", 1)[0].split("/");
  const handler = routes.get(`${request.method} /${kind}${id === undefined ? "" : "/:id"}`);
  if (handler) handler(request, response, id);
  else reply(response, 404, { error: "not found" });
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  console.log(`port=${server.address().port}`);
});
