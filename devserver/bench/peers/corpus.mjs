// Serves small proxy files with http-proxy-middleware as `ng serve` does, sends requests
// through them, and prints files, requests and results as the fixture that our tests compare
// with. Each file shows something that files in the wild have.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { parse } from 'jsonc-parser'; // which Angular CLI uses
import { createProxyMiddleware } from 'http-proxy-middleware';

// ours is the result of the dev server where it differs on purpose; docs/proxy.md says why.
const files = [
  ['the usual one', `{
  "/api": { "target": "http://localhost:3001", "secure": false }
}`, ['/api', '/api/users?sort=name', '/apis', '/', '/assets/api']],
  ['everything, in text', `{
  "/api": {
    "target": "http://localhost:3001",
    "secure": "false",
    "changeOrigin": "true",
    "logLevel": "debug"
  }
}`, ['/api/users', '/other']],
  ['off, in text', `{ "/api": { "target": "http://localhost:3001", "changeOrigin": "false", "ignorePath": "" } }`, ['/api/users']],
  ['numbers for booleans', `{ "/api": { "target": "http://localhost:3001", "changeOrigin": 1, "xfwd": 0 } }`, ['/api/users']],
  ['null', `{
  "/api": {
    "target": "http://localhost:3001",
    "secure": null, "changeOrigin": null, "pathRewrite": null, "headers": null, "auth": null,
    "router": null, "cookieDomainRewrite": null, "prependPath": null, "ignorePath": null, "logLevel": null, "timeout": null
  }
}`, ['/api/users', '/api/redirect']],
  ['comments as members', `{
  "//": "the back end of the shop",
  "/api": { "_comment": "orders", "//": "stock", "target": "http://localhost:3001", "$schema": "x" }
}`, ['/api/orders', '/']],
  ['comments and commas', `{
  // the back end
  "/api": {
    "target": "http://localhost:3001", /* since spring */
    "secure": false,
  },
}`, ['/api/users']],
  ['a byte order mark', '\ufeff{ "/api": { "target": "http://localhost:3001" } }', ['/api/users']],
  ['a slip', `{ "/api": { "target": "http://localhost:3001", "pathReWrite": { "^/api": "" }, "logLevet": "debug", "target1": "http://localhost:3002" } }`, ['/api/users']],
  ['an unknown level', `{ "/api": { "target": "http://localhost:3001", "logLevel": "verbose" } }`, ['/api/users']],
  ['without the prefix', `{ "/api/*": { "target": "http://localhost:3001", "pathRewrite": { "^/api": "" } } }`, ['/api/users', '/api/users/7', '/api', '/api/']],
  ['without the prefix, below', `{ "/api/**": { "target": "http://localhost:3001/v2", "pathRewrite": { "^/api": "" } } }`, ['/api/users', '/api/users/7?x', '/api']],
  ['a slash at the end', `{ "/api/": { "target": "http://localhost:3001/", "pathRewrite": { "^/api/": "/" } } }`, ['/api/users', '/api', '/api/']],
  ['several servers', `{
  "/api/orders": { "target": "http://localhost:3002" },
  "/api": { "target": "http://localhost:3001" },
  "/auth/**": { "target": "http://localhost:3003", "changeOrigin": true }
}`, ['/api/orders/1', '/api/users', '/auth', '/auth/token', '/authors']],
  ['the wrong order', `{ "/api": { "target": "http://localhost:3001" }, "/api/orders": { "target": "http://localhost:3002" } }`, ['/api/orders/1']],
  ['an array', `[
  { "context": ["/api", "/auth", "/signalr"], "target": "http://localhost:3001", "secure": false },
  { "context": "/files", "target": "http://localhost:3002" }
]`, ['/api/x', '/auth/y', '/signalr', '/files/a.pdf', '/']],
  ['an array of globs', `[{ "context": ["/api/**", "!/api/mock/**"], "target": "http://localhost:3001" }]`, ['/api/x', '/api/mock/x']],
  ['prefixes and globs', `[{ "context": ["/api", "/auth/**"], "target": "http://localhost:3001" }]`, [
    ['/api/x', { ours: 'GET /api/x' }], ['/auth/x', { ours: 'GET /auth/x' }], '/x']],
  ['no context', `[{ "target": "http://localhost:3001" }]`, ['/', '/api/x']],
  ['an empty context', `{ "": { "target": "http://localhost:3001" } }`, ['/', '/api/x']],
  ['an empty list', `[{ "context": [], "target": "http://localhost:3001" }]`, ['/', '/api/x']],
  ['no slash', `{ "api": { "target": "http://localhost:3001" } }`, ['/api/x', '/x/api']],
  ['a URL for a context', `{ "http://localhost:4200/api": { "target": "http://localhost:3001" } }`, ['/api/x']],
  ['one of two', `{ "/(api|auth)/**": { "target": "http://localhost:3001" } }`, ['/api/x', '/auth', '/other/x']],
  ['all but some', `{ "/!(assets|static)/**": { "target": "http://localhost:3001" } }`, ['/api/x', '/assets/logo.png', '/static/a.css', '/x']],
  ['a version or none', `{ "/api?(/v[0-9])/users": { "target": "http://localhost:3001" } }`, ['/api/users', '/api/v1/users', '/api/vx/users']],
  ['a target in parts', `{ "/api": { "target": { "host": "localhost", "port": 3001, "protocol": "http:" }, "secure": false } }`, ['/api/users']],
  ['a target in parts, with a path', `{ "/api": { "target": { "protocol": "http:", "host": "localhost", "port": "3001", "path": "/base" } } }`, ['/api/users']],
  ['a target with a password', `{ "/api": { "target": "http://me:secret@localhost:3001" } }`, ['/api/users']],
  ['a target with a fragment', `{ "/api": { "target": "http://localhost:3001/app/#/start" } }`, ['/api/users']],
  ['a target with a query', `{ "/api": { "target": "http://localhost:3001/app?key=1" } }`, ['/api/users', '/api/users?x']],
  ['a target for one page', `{ "/report": { "target": "http://localhost:3001/render?format=pdf", "ignorePath": true } }`, ['/report', '/report/7?x']],
  ['a target without a scheme', `{ "/api": { "target": "localhost:3001" } }`, [['/api/users', { ours: 'GET /api/users' }]]],
  ['a string', `{ "/api": "http://localhost:3001/base" }`, ['/api/users']],
  ['headers', `{ "/api": { "target": "http://localhost:3001", "headers": { "X-Api-Key": "abc", "x-number": 7, "X-Yes": true, "X-None": null, "X-List": ["a", "b"] } } }`, ['/api/users']],
  ['a password', `{ "/api": { "target": "http://localhost:3001", "auth": "me:secret" } }`, ['/api/users', ['/api/users', { header: 'Authorization: Bearer a.b.c' }]]],
  ['a name for a password', `{ "/api": { "target": "http://localhost:3001", "auth": "me" } }`, ['/api/users']],
  ['forwarded', `{ "/api": { "target": "http://localhost:3001", "xfwd": true } }`, ['/api/users']],
  ['rewrites to odd things', `{ "/api": { "target": "http://localhost:3001", "pathRewrite": { "^/api/a": null, "^/api/b": 7, "^/api/(c)": "/$1$1" } } }`, ['/api/a/x', '/api/b/x', '/api/c/x']],
  ['a router', `{ "/api": { "target": "http://localhost:3001", "router": { "shop.test": "http://localhost:3002", "/api/new": "http://localhost:3003", "x.test": null } } }`, [
    '/api/x', '/api/new/x', ['/api/x', { header: 'Host: shop.test' }], ['/api/x', { header: 'Host: x.test' }]]],
  ['redirects and cookies', `{
  "/api": {
    "target": "http://localhost:3001", "changeOrigin": true, "autoRewrite": true, "protocolRewrite": "https",
    "cookieDomainRewrite": { "up.test": "", "*": "else.test" }, "cookiePathRewrite": "/"
  }
}`, ['/api/redirect', ['/api/see-other', { ours: 'location: https://localhost:4200/there?x' }]]],
  ['a host to rewrite to', `{ "/api": { "target": "http://localhost:3001", "changeOrigin": true, "hostRewrite": "localhost:4200" } }`, ['/api/redirect']],
  ['a time in text', `{ "/api": { "target": "http://localhost:3001", "timeout": "30000" } }`, [['/api/users', { ours: 'GET /api/users' }]]],
  ['what needs JavaScript', `{ "/api": { "target": "http://localhost:3001", "bypass": "function", "onProxyReq": "x", "configure": "y" } }`, ['/api/users']],
  ['a context inside', `{ "/api": { "context": "/other", "target": "http://localhost:3001" } }`, ['/api/users', '/other']],
  ['unclosed brackets', `{ "/a{b": { "target": "http://localhost:3001" }, "/a[b": { "target": "http://localhost:3002" } }`, ['/a{b/x', '/a[b/x', '/ab']],
];

const servers = {};
for (const port of [3001, 3002, 3003]) {
  const server = http.createServer((req, res) => {
    const own = req.socket.localPort;
    const status = req.url.endsWith('/redirect') ? 302 : req.url.endsWith('/see-other') ? 303 : 200;
    res.writeHead(status, {
      ...(status > 200 && { Location: `http://127.0.0.1:${own}/there?x` }),
      ...(status > 200 && { 'Set-Cookie': ['a=1; Domain=up.test; Path=/base', 'b=2; Domain=other.test; Path=/'] }),
    });
    const list = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2) {
      const name = req.rawHeaders[i].toLowerCase();
      if (name === 'host' || name === 'authorization' || name.startsWith('x-')) list.push(`${name}: ${req.rawHeaders[i + 1]}`);
    }
    res.end([`${req.method} ${req.url}`, `server: localhost:${port}`, ...list.sort()].join('\n'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers[port] = server.address().port;
}
const there = (text) => text.replace(/localhost:(300[123])/g, (_, port) => `127.0.0.1:${servers[port]}`)
  .replace(/"host": "localhost", "port": ("?)(300[123])/g, (_, quote, port) => `"host": "127.0.0.1", "port": ${quote}${servers[port]}`);
const back = (text) => Object.entries(servers).reduce((all, [port, real]) => all.replaceAll(`127.0.0.1:${real}`, `localhost:${port}`), text);

// rules returns the middlewares for a file, as Angular CLI and webpack's dev server make them.
function rules(config) {
  const list = Array.isArray(config)
    ? config
    : Object.entries(config).map(([context, value]) => (typeof value === 'string' ? { context, target: value, changeOrigin: true } : { ...value, context }));
  return list.map(({ context, ...options }) => createProxyMiddleware({ ...options, ...(context !== undefined && { pathFilter: context }) }));
}

// ask sends a request through the rules and returns the status and what is comparable.
async function ask(list, uri, header) {
  const server = http.createServer(async (req, res) => {
    for (const rule of list) {
      let next = false;
      const error = await new Promise((done) => {
        rule(req, res, (e) => { next = true; done(e); });
        res.on('close', done);
      });
      if (error) { res.statusCode = 500; res.end(); return; }
      if (!next) return;
    }
    res.statusCode = 404;
    res.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = header?.startsWith('Host:') ? '' : 'Host: localhost:4200\r\n';
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.write(`GET ${uri} HTTP/1.1\r\n${host}${header ? header + '\r\n' : ''}Connection: close\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  server.close();
  const [head, ...rest] = answer.split('\r\n\r\n');
  const status = Number(head.split(' ')[1]);
  if (status === 404) return 'no rule';
  if (status >= 400) return 'an error';
  const fields = head.split('\r\n').filter((line) => /^(location|set-cookie):/i.test(line)).map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
  let body = rest.join('\r\n\r\n');
  if (/chunked/i.test(head)) body = body.split('\r\n').filter((_, i) => i % 2 === 1).join('');
  return back([status, ...fields, body].join('\n'));
}

process.on('uncaughtException', () => {}); // of http-proxy, for options that it cannot handle
const results = [];
for (const [name, file, requests] of files) {
  const list = rules(parse(there(file).replace(/^\ufeff/, ''), [], { allowTrailingComma: true }));
  const answers = [];
  for (const request of requests) {
    const [uri, { header, ours } = {}] = [request].flat();
    answers.push({ uri, ...(header && { header }), result: await ask(list, uri, header), ...(ours && { ours }) });
  }
  results.push({ name, file, requests: answers });
}
console.log(JSON.stringify(results, null, 1));
process.exit();
